-- The roles of the items of a transcript that are known to be a tool's.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro tool_roles() as
['tool_call_invocation', 'tool_call_result'];
