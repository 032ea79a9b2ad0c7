-- How calls go through the nodes of an agent's conversation flow, and where they end.
-- Grain: agent_id × agent_version × node_id, or the node's name where it has no id.
-- Source: the macro visits_of_nodes, which says what a visit is.
-- Nodes are told apart by their ids: several may have the same name, and one may be renamed.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view node_funnel as
with visits as (
    select
        *,
        case when node_id is null then node_name end as name_without_id,
        case when next_node_id is null then next_node_name end as next_name_without_id
    from visits_of_nodes()
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

comment on view node_funnel is
    'How calls go through the nodes of an agent''s conversation flow, and where they end';
comment on column node_funnel.node_name is 'Name of the node in its newest visit';
comment on column node_funnel.entries is 'Visits of the node';
comment on column node_funnel.calls is 'Calls that visit it';
comment on column node_funnel.timed_entries is 'entries of which is known how long they lasted';
comment on column node_funnel.dwell_p50_s is
    'Median over timed_entries of the seconds in the node; null without any';
comment on column node_funnel.dwell_p95_s is
    '95th percentile over timed_entries of the seconds in the node; null without any';
comment on column node_funnel.drop_offs is 'entries in which the call ended, also by a transfer';
comment on column node_funnel.drop_off_rate is 'drop_offs / entries, 0 to 1';
comment on column node_funnel.next_node_id is
    'Node that most entries go on to; of equally many the one whose id comes first; null where '
    'none goes on';
comment on column node_funnel.next_node_name is 'Its name';
comment on column node_funnel.next_node_entries is 'entries that go on to it';
