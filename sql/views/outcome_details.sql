-- What became of every call: connected, answered, transferred, contained, successful.
-- Grain: call. Source: the macro outcomes_of_calls, which holds the definitions.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view outcome_details as
select
    call_id,
    day,
    agent_id,
    agent_version,
    direction,
    to_number,
    disconnection_reason,
    category,
    is_over,
    is_connected,
    is_conversation,
    connected_ms,
    is_voicemail,
    is_ivr,
    is_transfer_attempt,
    is_transferred,
    is_contained,
    is_early_hangup,
    is_successful,
    user_sentiment,
    agent_task_completion_rating,
    call_completion_rating
from outcomes_of_calls();

comment on view outcome_details is
    'What became of every call: connected, answered, transferred, contained, successful';
comment on column outcome_details.is_over is 'Whether the call is neither registered nor ongoing';
comment on column outcome_details.is_connected is
    'Whether anybody was on the line: it has started, and neither status nor reason says '
    'nobody was reached';
comment on column outcome_details.is_conversation is
    'Whether a person was reached: connected, over, and neither voicemail nor IVR';
comment on column outcome_details.connected_ms is
    'Duration in ms; null unless the call connected, is over and ended after it started';
comment on column outcome_details.is_voicemail is
    'Whether a voicemail or machine answered: in_voicemail, voicemail_reached or '
    'machine_detected; null unless connected and over';
comment on column outcome_details.is_ivr is
    'Whether an IVR answered (ivr_reached); null unless connected and over';
comment on column outcome_details.is_transfer_attempt is
    'Whether a transfer was tried: reason, destination, transferred leg or its cost, words of '
    'a transfer_target or a transfer_call tool say so; null unless connected and over';
comment on column outcome_details.is_transferred is
    'Whether the tried transfer handed the call over: call_transfer, transfer_bridged or a '
    'transferred leg that ended; null without an attempt';
comment on column outcome_details.is_contained is
    'Whether the agent brought the conversation to its end alone: ended by a hang-up, no '
    'transfer tried, no wish to be called never again or at another time; null unless a '
    'conversation';
comment on column outcome_details.is_early_hangup is
    'Whether the user hung up within 10 s; null unless a conversation';
comment on column outcome_details.is_successful is
    'call_successful of a connected call that is over; null for any other and without a '
    'verdict, as in v1';
comment on column outcome_details.user_sentiment is
    'User''s sentiment in a connected call that is over';
comment on column outcome_details.agent_task_completion_rating is
    'v1 rating of a connected call that is over';
comment on column outcome_details.call_completion_rating is
    'v1 rating of a connected call that is over';
