-- Whether two values differ by more than chance: whether their intervals do not overlap.
-- Grain: scalar; null where a bound that would tell is not known. Source: none.
-- Parameters: both bounds of both values. A rerun replaces the macro.
-- Two intervals of 95 % that do not overlap are a stricter test than one of the difference: a change
-- that is not clear may still be one, but few that are clear are none.
create or replace macro is_clear_change(low, high, previous_low, previous_high) as
case
    when low > previous_high or high < previous_low then true
    when low <= previous_high and high >= previous_low then false
end;
