-- The nodes of conversation flows, the busiest first, and how often calls ended in them.
-- Grain: agent_id × node_id, or the node's name where it has no id. All versions are one: node_funnel
-- tells them apart. Source: the macro visits_of_nodes. Reads only.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
with visits as (
    select
        *,
        case when node_id is null then node_name end as name_without_id
    from visits_of_nodes(
        (
            $since is null
            or day >= cast($since as date)
        )
        and ($agent_id is null or agent_id = $agent_id)
    )
)

select
    agent_id,
    node_id,
    first(
        node_name
        order by
            day desc nulls last,
            call_id desc nulls last,
            visit_index desc nulls last
    ) filter (where node_name is not null) as node_name,
    count(*) as entries,
    count(*) filter (where is_call_end) as drop_offs,
    drop_offs / entries as drop_off_rate,
    count(dwell_s) as timed_entries,
    quantile_cont(dwell_s, 0.5) as dwell_p50_s
from visits
group by
    agent_id,
    node_id,
    name_without_id
order by
    entries desc nulls last,
    agent_id asc nulls last,
    node_id asc nulls last,
    name_without_id asc nulls last;
