-- Whether a word of a transcript was spoken: one that lasts no time was planned, and cut off before it.
-- Grain: scalar, never null. Source: none. A rerun replaces the macro.
create or replace macro is_spoken(start_s, end_s) as
coalesce(start_s <> end_s, true);
