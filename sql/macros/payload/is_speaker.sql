-- Whether a role is one that is known to speak.
-- Grain: scalar, never null. Source: speaker_roles. A rerun replaces the macro.
-- It begins with the parameter, because there DuckDB stops looking for what it calls: speaker_roles
-- is made after it.
create or replace macro is_speaker(role) as
case
    when role is null then false
    else list_contains(speaker_roles(), role)
end;
