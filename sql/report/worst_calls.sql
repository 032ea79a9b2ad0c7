-- The calls that did worst, in four ways: slow answers, long silences, talking over, tools that
-- failed.
-- Grain: kind × call. Source: slow_call_details, conversation_details, tool_details. Reads only.
-- measure is what it is ranked by: e2e p95 in ms, longest silence in s, overlap in s, failed
-- invocations (not those without a result, which is how a call is ended).
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null; $count, how
-- many of each kind.
with measured as (
    select
        'slow' as kind,
        call_id,
        p95_ms as measure
    from slow_call_details
    where
        p95_ms is not null
        and ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    union all
    select
        'silence' as kind,
        call_id,
        longest_silence_s as measure
    from conversation_details
    where
        -- What counts as long in long_silence_rate.
        longest_silence_s > 2
        and ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    union all
    select
        'overlap' as kind,
        call_id,
        overlap_s as measure
    from conversation_details
    where
        overlap_s > 0
        and ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    union all
    select
        'tools' as kind,
        call_id,
        count(*) as measure
    from tool_details
    where
        not successful
        and ($since is null or day >= cast($since as date))
        and ($agent_id is null or agent_id = $agent_id)
    group by call_id
)

select
    kind,
    row_number() over (
        partition by kind order by measure desc nulls last, call_id asc nulls last
    ) as place,
    call_id,
    measure
from measured
qualify place <= $count
order by
    kind asc nulls last,
    place asc nulls last;
