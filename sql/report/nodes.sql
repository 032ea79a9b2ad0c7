-- The nodes of conversation flows, the busiest first, and how often calls ended in them.
-- Grain: agent_id × node_id, or the node's name where it has no id. All versions are one: node_funnel
-- tells them apart. Source: the macro visits_per_node. Reads only.
-- Parameters: $since, the first day, or null; $agent_id, the one agent, or null.
select
    agent_id,
    node_id,
    node_name,
    entries,
    drop_offs,
    drop_off_rate,
    timed_entries,
    dwell_p50_s
from visits_per_node(
    cast(null as varchar),
    chosen := (
        $since is null
        or day >= cast($since as date)
    )
    and ($agent_id is null or agent_id = $agent_id)
)
order by
    entries desc nulls last,
    agent_id asc nulls last,
    node_id asc nulls last,
    node_name asc nulls last;
