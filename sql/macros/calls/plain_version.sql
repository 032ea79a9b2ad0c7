-- A version of an agent, told the same however it was sent: 3.0 and "3" are 3, a blank text is none.
-- Grain: scalar; null for null. Source: none. A rerun replaces the macro.
create or replace macro plain_version(version) as
case
    when contains(cast(version as varchar), '.')
        then regexp_replace(trim(cast(version as varchar)), '^([0-9]+)[.]0+$', '\1')
    else nullif(trim(cast(version as varchar)), '')
end;
