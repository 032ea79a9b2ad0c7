-- The name of the field that raw_or_scrubbed takes: with scrubbed_ before it for what the source scrubbed.
-- Grain: scalar; null where neither is there. Source: none. A rerun replaces the macro.
create or replace macro name_source(raw, scrubbed, name) as
case
    when raw is null and scrubbed is null then null
    when scrubbed is null or holds_something(raw) then name
    else 'scrubbed_' || name
end;
