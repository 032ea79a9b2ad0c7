-- Whether an item of a woven transcript was spoken, by its role and whether it brings a list of words.
-- Grain: scalar. Source: speaker_roles, tool_roles. A rerun replaces the macro.
-- Roles to come are speech when they bring words; a tool's items never are, whatever they bring.
create or replace macro is_speech(role, has_words) as
case
    when is_speaker(role) then true
    when list_contains(tool_roles(), role) then false
    else coalesce(has_words, false)
end;
