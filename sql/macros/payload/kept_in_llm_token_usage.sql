-- Fields of the usage of tokens that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_llm_token_usage() as
['average', 'num_requests'];
