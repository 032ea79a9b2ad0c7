-- How calls go through the nodes of an agent's conversation flow, and where they end.
-- Grain: agent_id × agent_version × node_id, or the node's name where it has no id.
-- Source: the macro visits_of_nodes, which says what a visit is.
-- Nodes are told apart by their ids: several may have the same name, and one may be renamed.
-- Parameters: version_of, an expression over its columns, or null to have all versions together;
-- chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data.
create or replace macro visits_per_node(version_of, chosen := true) as table
with visits as (
    select
        * replace (version_of as agent_version),
        case when node_id is null then node_name end as name_without_id,
        case when next_node_id is null then next_node_name end as next_name_without_id
    from visits_of_nodes(chosen := chosen)
),

nodes as (
    select
        agent_id,
        agent_version,
        node_id,
        name_without_id,
        first(
            node_name
            order by
                day desc nulls last,
                call_id desc nulls last,
                visit_index desc nulls last
        ) filter (where node_name is not null) as node_name,
        count(*) as entries,
        count(distinct call_id) as calls,
        count(dwell_s) as timed_entries,
        quantile_cont(dwell_s, [0.5, 0.95]) as dwells,
        count(*) filter (where is_call_end) as drop_offs
    from visits
    group by agent_id, agent_version, node_id, name_without_id
),

steps as (
    select
        agent_id,
        agent_version,
        node_id,
        name_without_id,
        next_node_id,
        next_name_without_id,
        max(next_node_name) as next_node_name,
        count(*) as entries
    from visits
    where coalesce(next_node_id, next_node_name) is not null
    group by
        agent_id,
        agent_version,
        node_id,
        name_without_id,
        next_node_id,
        next_name_without_id
),

most_common_steps as (
    select *
    from steps
    qualify
        row_number() over (
            partition by agent_id, agent_version, node_id, name_without_id
            order by
                entries desc nulls last,
                next_node_id asc nulls last,
                next_name_without_id asc nulls last
        ) = 1
)

select
    nodes.agent_id,
    nodes.agent_version,
    nodes.node_id,
    nodes.node_name,
    nodes.entries,
    nodes.calls,
    nodes.timed_entries,
    nodes.dwells[1] as dwell_p50_s,
    nodes.dwells[2] as dwell_p95_s,
    nodes.drop_offs,
    cast(nodes.drop_offs as double) / nodes.entries as drop_off_rate,
    most_common_steps.next_node_id,
    most_common_steps.next_node_name,
    coalesce(most_common_steps.entries, 0) as next_node_entries
from nodes
left join most_common_steps
    on nodes.agent_id is not distinct from most_common_steps.agent_id
    and nodes.agent_version is not distinct from most_common_steps.agent_version
    and nodes.node_id is not distinct from most_common_steps.node_id
    and nodes.name_without_id is not distinct from most_common_steps.name_without_id;
