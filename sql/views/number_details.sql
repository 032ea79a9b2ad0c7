-- How every dialled number answered: attempts, and which of them first reached a person.
-- Grain: to_number of an outbound call that is over. Source: calls, the macro outcomes_of_calls.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view number_details as
with attempts as (
    select
        outcomes.to_number,
        outcomes.is_connected,
        outcomes.is_conversation,
        calls.dated_at as attempted_at,
        row_number() over (
            partition by outcomes.to_number
            order by calls.dated_at asc nulls last, outcomes.call_id asc nulls last
        ) as attempt
    from outcomes_of_calls() as outcomes
    inner join visible_calls() as calls
        on outcomes.call_id = calls.call_id
    where
        outcomes.direction = 'outbound'
        and outcomes.is_over
        and outcomes.to_number is not null
)

select
    to_number,
    count(*) as attempts,
    count(*) filter (where is_connected) as connected_attempts,
    connected_attempts / count(*) as connect_rate,
    count(*) filter (where is_conversation) as picked_up_attempts,
    picked_up_attempts / count(*) as pickup_rate,
    min(attempt) filter (where is_conversation) as first_picked_up_attempt,
    min(attempted_at) as first_attempted_at,
    max(attempted_at) as last_attempted_at
from attempts
group by to_number;

comment on view number_details is
    'How every dialled number answered: attempts, connections, pickups';
comment on column number_details.to_number is 'Number that outbound calls dialled, as sent';
comment on column number_details.attempts is 'Outbound calls to it that are over';
comment on column number_details.first_picked_up_attempt is
    'Which attempt a person picked up first, from 1; null if none did';
comment on column number_details.first_attempted_at is
    'Moment of the first attempt that has a date, UTC';
comment on column number_details.last_attempted_at is
    'Moment of the last attempt that has a date, UTC';
