-- The calls whose rows are replaced: staged ones the warehouse knows already.
-- Grain: call. Source: landed. A rerun replaces the temporary table.
-- Kept apart from staged so that deleting costs nothing while every call of a load is new.
create or replace temp table replaced as
select call_id
from landed
where
    action = 'replace'
    and is_known;
