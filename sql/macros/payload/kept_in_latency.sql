-- Fields of a latency metric that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_latency() as
['p50', 'p90', 'p95', 'p99', 'max', 'min', 'num', 'values'];
