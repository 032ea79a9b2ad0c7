-- A number as a bigint, or null when it is none that a bigint holds as it is.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- The API types its counts as any number; up to 2^53 a double holds whole numbers exactly.
-- Tried, because the cast may be worked out for numbers that the condition is to keep away from it.
create or replace macro whole_number(number) as
case
    when number = floor(number) and abs(number) <= 9007199254740992 then try_cast(number as bigint)
end;
