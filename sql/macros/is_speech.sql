-- Whether an item of a woven transcript was spoken.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- Roles to come are speech when they bring words; a tool's items never are, whatever they bring.
create or replace macro is_speech(item) as
coalesce((item ->> '$.role') in ('agent', 'user', 'transfer_target'), false)
or (
    coalesce(item ->> '$.role', '') not in ('tool_call_invocation', 'tool_call_result')
    and coalesce(json_type(item, '$.words') = 'ARRAY', false)
);
