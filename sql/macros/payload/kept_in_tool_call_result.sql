-- Fields of a tool's result that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_tool_call_result() as
['role', 'tool_call_id', 'content', 'successful'];
