-- The roles in a transcript that are known to speak.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
-- A list and not a table: payloads are staged in a database without tables, and inside lambdas.
create or replace macro speaker_roles() as
['agent', 'user', 'transfer_target'];
