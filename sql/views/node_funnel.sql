-- How calls go through the nodes of an agent's conversation flow, and where they end.
-- Grain: agent_id × agent_version × node_id, or the node's name where it has no id.
-- Source: the macro visits_per_node.
-- Nodes are told apart by their ids: several may have the same name, and one may be renamed.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view node_funnel as
select
    agent_id,
    agent_version,
    node_id,
    node_name,
    entries,
    calls,
    timed_entries,
    dwell_p50_s,
    dwell_p95_s,
    drop_offs,
    drop_off_rate,
    next_node_id,
    next_node_name,
    next_node_entries
from visits_per_node(agent_version);

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
