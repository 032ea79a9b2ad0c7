-- Whether a role is one that is known to speak.
-- Grain: scalar, never null. Source: speaker_roles. A rerun replaces the macro.
create or replace macro is_speaker(role) as
coalesce(list_contains(speaker_roles(), role), false);
