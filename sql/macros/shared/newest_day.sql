-- The newest day that has calls; null without any.
-- Grain: scalar. Source: calls. A rerun replaces the macro.
create or replace macro newest_day() as (
    select max(day)
    from visible_calls()
);
