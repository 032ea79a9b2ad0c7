-- The nodes of the conversation flow that each call went through, in their order.
-- Grain: call_id × visit_index, for calls that change nodes.
-- Source: the macro visits_of_nodes, which says where times and turns come from.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view node_visits as
select
    call_id,
    visit_index,
    day,
    agent_id,
    agent_version,
    phase,
    node_id,
    node_name,
    entered_at_s,
    left_at_s,
    dwell_s,
    next_node_id,
    next_node_name,
    is_call_end,
    turns
from visits_of_nodes();

comment on view node_visits is
    'The nodes of the conversation flow that each call went through, in their order';
comment on column node_visits.visit_index is 'Position of the visit in its call, from 0';
comment on column node_visits.node_name is 'Name of the node at the time of the call';
comment on column node_visits.entered_at_s is
    'When it was entered, in seconds of call audio: the transition''s time, else the end of the turn '
    'before it; 0 for the node in which the call began; null where nothing says';
comment on column node_visits.left_at_s is
    'When the next node was entered; for the last one when the call ended; null where nothing says';
comment on column node_visits.dwell_s is 'left_at_s - entered_at_s; null where either is not known';
comment on column node_visits.next_node_id is 'Node that was entered next; null for the last one';
comment on column node_visits.next_node_name is 'Its name at the time of the call';
comment on column node_visits.is_call_end is
    'Whether the call ended in it, also by a transfer; false while the call goes on';
comment on column node_visits.turns is
    'Turns of the transcript from the transition that entered it to the one that left it';
