-- A field as it is or, where the source keeps only that, what it has without personal data.
-- Grain: scalar. Source: none. A rerun replaces the macro.
create or replace macro raw_or_scrubbed(raw, scrubbed) as
if(scrubbed is null or holds_something(raw), raw, scrubbed);
