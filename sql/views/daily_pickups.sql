-- How often outbound calls are picked up, by attempt and by number.
-- Grain: day × agent_id, for days with an outbound call that is over.
-- Source: stored_daily_pickups; for days that are not stored, the macro
-- pickups_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_pickups as
select *
from stored_daily_pickups
where day in (select day from stored_days)
union all by name
select *
from pickups_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_pickups is 'How often outbound calls are picked up, by attempt and by number';
comment on column daily_pickups.attempts is 'Outbound calls that are over';
comment on column daily_pickups.numbers is 'Distinct numbers that were dialled';
comment on column daily_pickups.connected_numbers is
    'numbers of which an attempt of that day connected';
comment on column daily_pickups.number_connect_rate is
    'connected_numbers / numbers, 0 to 1; null where no call names its number';
comment on column daily_pickups.picked_up_numbers is
    'numbers of which a person picked up an attempt of that day';
comment on column daily_pickups.number_pickup_rate is
    'picked_up_numbers / numbers, 0 to 1; null where no call names its number';
