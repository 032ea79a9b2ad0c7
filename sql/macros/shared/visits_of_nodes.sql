-- The nodes of the conversation flow that each call went through, in their order.
-- Grain: call_id × visit_index: a node that is entered again has another visit.
-- Source: transcript_events (node_transition), utterances, conversations, calls.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data.
--
-- order   that of the transitions in the call. A call begins in the node that its first transition
--         leaves; each transition enters the next one.
-- time    a transition's own; without one the end of the turn before it; before any word, none. The
--         first node is entered at 0 s, unless the flow began before the conversation.
-- end     the last node is left when the call ends: at its duration, else after its last word. Until
--         then a call that still goes on is in it.
-- turns   by their place in the transcript: those between the transition that enters and the one that
--         leaves. The turn in which a transition comes belongs to the node before it.
create or replace macro visits_of_nodes(chosen := true) as table
with chosen_calls as (
    select
        call_id,
        day,
        agent_id,
        agent_version,
        call_status not in ('registered', 'ongoing') as is_over,
        duration_ms
    from visible_calls() as calls
    where chosen
),

transitions as (
    select
        events.call_id,
        events.phase,
        row_number() over (
            partition by events.call_id
            order by events.event_index asc nulls last
        ) as number,
        events.event ->> '$.former_node_id' as former_node_id,
        events.event ->> '$.former_node_name' as former_node_name,
        events.event ->> '$.new_node_id' as new_node_id,
        events.event ->> '$.new_node_name' as new_node_name,
        coalesce(events.at_s, utterances.end_s) as at_s,
        events.utterance_index
    from transcript_events as events
    left join utterances
        on events.call_id = utterances.call_id
        and events.utterance_index = utterances.utterance_index
    where
        events.role = 'node_transition'
        and events.call_id in (select call_id from chosen_calls)
),

turn_counts as (
    select
        call_id,
        count(*) as turn_count
    from utterances
    where call_id in (select call_id from transitions)
    group by call_id
),

-- How many turns had begun when the node was entered: none before any word, all after the call.
entered as (
    select
        transitions.call_id,
        0 as number,
        transitions.phase,
        transitions.former_node_id as node_id,
        transitions.former_node_name as node_name,
        case when transitions.phase = 'session' then cast(0 as double) end as entered_at_s,
        0 as turns_before
    from transitions
    where
        transitions.number = 1
        and coalesce(transitions.former_node_id, transitions.former_node_name) is not null
    union all by name
    select
        transitions.call_id,
        transitions.number,
        transitions.phase,
        transitions.new_node_id as node_id,
        transitions.new_node_name as node_name,
        transitions.at_s as entered_at_s,
        case
            when transitions.utterance_index is not null then transitions.utterance_index + 1
            when transitions.phase = 'post_session' then coalesce(turn_counts.turn_count, 0)
            else 0
        end as turns_before
    from transitions
    left join turn_counts
        on transitions.call_id = turn_counts.call_id
),

followed as (
    select
        *,
        cast(row_number() over in_order - 1 as integer) as visit_index,
        lead(number) over in_order is null as is_last,
        lead(entered_at_s) over in_order as next_entered_at_s,
        lead(turns_before) over in_order as next_turns_before,
        lead(node_id) over in_order as next_node_id,
        lead(node_name) over in_order as next_node_name
    from entered
    window in_order as (partition by call_id order by number asc nulls last)
),

timed as (
    select
        followed.*,
        calls.day,
        calls.agent_id,
        calls.agent_version,
        followed.is_last and calls.is_over as is_call_end,
        case
            when not followed.is_last then followed.next_entered_at_s
            when calls.is_over
                then coalesce(cast(calls.duration_ms as double) / 1000, conversations.last_word_s)
        end as left_at_s,
        case
            when followed.is_last then coalesce(turn_counts.turn_count, 0)
            else followed.next_turns_before
        end - followed.turns_before as turns
    from followed
    inner join chosen_calls as calls
        on followed.call_id = calls.call_id
    left join conversations
        on followed.call_id = conversations.call_id
    left join turn_counts
        on followed.call_id = turn_counts.call_id
)

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
    -- Clocks that run backwards say nothing of how long.
    case when left_at_s >= entered_at_s then round(left_at_s - entered_at_s, 3) end as dwell_s,
    next_node_id,
    next_node_name,
    is_call_end,
    greatest(turns, 0) as turns
from timed;
