-- The calls that views speak of.
-- Grain: call. Source: calls. A rerun replaces the macro; it holds no data.
-- A call that is deleted at its source is left out where PIPELINE_DELETED says so.
create or replace macro visible_calls() as table
select *
from calls
where not is_hidden;
