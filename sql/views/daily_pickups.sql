-- How often outbound calls are picked up, by attempt and by number.
-- Grain: day × agent_id, for days with an outbound call that is over.
-- Source: the macro outcomes_of_calls. A number that is dialled twice is two attempts and
-- one number; a call without a number is an attempt of no number.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_pickups as
select
    day,
    agent_id,
    count(*) as attempts,
    count(*) filter (where is_connected) as connected_attempts,
    connected_attempts / count(*) as connect_rate,
    count(*) filter (where is_conversation) as picked_up_attempts,
    picked_up_attempts / count(*) as pickup_rate,
    count(distinct to_number) as numbers,
    count(distinct to_number) filter (where is_connected) as connected_numbers,
    connected_numbers / nullif(numbers, 0) as number_connect_rate,
    count(distinct to_number) filter (where is_conversation) as picked_up_numbers,
    picked_up_numbers / nullif(numbers, 0) as number_pickup_rate
from outcomes_of_calls()
where
    direction = 'outbound'
    and is_over
group by day, agent_id;

comment on view daily_pickups is 'How often outbound calls are picked up, by attempt and by number';
comment on column daily_pickups.day is
    'Day (UTC) of the calls'' start, or of when they were first seen if they never started';
comment on column daily_pickups.agent_id is 'Agent of the calls; null where the payload names none';
comment on column daily_pickups.attempts is 'Outbound calls that are over';
comment on column daily_pickups.connected_attempts is
    'attempts that connected, to a person or a machine';
comment on column daily_pickups.connect_rate is 'connected_attempts / attempts, 0 to 1';
comment on column daily_pickups.picked_up_attempts is
    'attempts that a person picked up: connected, neither voicemail nor IVR';
comment on column daily_pickups.pickup_rate is 'picked_up_attempts / attempts, 0 to 1';
comment on column daily_pickups.numbers is 'Distinct numbers that were dialled';
comment on column daily_pickups.connected_numbers is
    'numbers of which an attempt of that day connected';
comment on column daily_pickups.number_connect_rate is
    'connected_numbers / numbers, 0 to 1; null where no call names its number';
comment on column daily_pickups.picked_up_numbers is
    'numbers of which a person picked up an attempt of that day';
comment on column daily_pickups.number_pickup_rate is
    'picked_up_numbers / numbers, 0 to 1; null where no call names its number';
