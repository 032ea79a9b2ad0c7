-- Whether an item of a woven transcript was spoken, by its role and whether it brings a list of words.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- Roles to come are speech when they bring words; a tool's items never are, whatever they bring.
create or replace macro is_speech(role, has_words) as
case
    when role in ('agent', 'user', 'transfer_target') then true
    when role in ('tool_call_invocation', 'tool_call_result') then false
    else coalesce(has_words, false)
end;
