-- The days that end with one, and as many days before them, as a range for bounded_periods.
-- Grain: scalar. Source: none. Parameters: days, how many; last_day. A rerun replaces the macro.
create or replace macro days_beside(days, last_day) as
{
    'number': days,
    'first_day': last_day - days + 1,
    'last_day': last_day,
    'before_first_day': last_day - 2 * days + 1,
    'before_last_day': last_day - days
};
