-- The newest version of each agent beside the version before it, on each metric that both have.
-- Grain: agent_id × metric, for agents with two versions. Source: version_comparison. Reads only.
-- It compares all calls of both versions, whenever they were: a version is no period.
-- The newest is the last in the order of version_comparison: numbers by size, then names by first call.
-- Parameter: $agent_id, the one agent, or null.
with newest as (
    select
        agent_id,
        agent_version
    from agent_versions
    where
        agent_version is not null
        and ($agent_id is null or agent_id = $agent_id)
    qualify
        row_number() over (
            partition by agent_id
            order by
                try_cast(agent_version as double) desc nulls first,
                first_call_at desc nulls first,
                agent_version desc nulls last
        ) = 1
)

select
    compared.agent_id,
    compared.agent_version,
    compared.previous_version,
    compared.metric,
    compared.value,
    compared.low,
    compared.high,
    compared."count",
    compared.previous_value,
    compared.previous_low,
    compared.previous_high,
    compared.previous_count,
    compared.is_clear
from version_comparison as compared
inner join newest
    on compared.agent_id is not distinct from newest.agent_id
    and compared.agent_version = newest.agent_version
where
    compared.previous_version is not null
    and isfinite(compared.value)
    and isfinite(compared.previous_value)
order by
    compared.agent_id asc nulls last,
    compared.metric asc nulls last;
