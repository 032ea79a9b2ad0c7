-- The name of a field that the source removed: what it holds without personal data is there instead.
-- Grain: scalar; null for a field that is there, and where neither is. Source: none.
-- A rerun replaces the macro.
create or replace macro name_if_removed(name, raw, scrubbed) as
if(raw is null and scrubbed is not null, name, null);
