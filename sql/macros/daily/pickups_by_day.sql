-- How often outbound calls are picked up, by attempt and by number.
-- Grain: day × agent_id, for days with an outbound call that is over.
-- Source: the macro outcomes_of_calls. A number that is dialled twice is two attempts and
-- one number; a call without a number is an attempt of no number.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_pickups reads it.
create or replace macro pickups_by_day(chosen := true) as table
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
from outcomes_of_calls(chosen := chosen)
where
    direction = 'outbound'
    and is_over
group by day, agent_id;
