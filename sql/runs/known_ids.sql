-- How the requested ids stood before this run, and where in the ledger that is written.
-- Grain: call id. Source: requested, etl_outcomes. A rerun replaces the temporary table.
-- An id may lie anywhere in the ledger: so it is looked for by its key, and by itself only among rows that
-- have none.
create or replace temp table known_ids as
with by_key as (
    select
        requested.position,
        etl_outcomes.rowid as place,
        etl_outcomes.*
    from etl_outcomes
    inner join requested
        on etl_outcomes.id_key = key_of_id(requested.call_id)
        and etl_outcomes.call_id = requested.call_id
),

by_id as (
    select
        requested.position,
        etl_outcomes.rowid as place,
        etl_outcomes.*
    from etl_outcomes
    inner join requested
        on etl_outcomes.call_id = requested.call_id
    where etl_outcomes.id_key is null
)

select *
from by_key
union all
select *
from by_id;
