-- Adds how the other requested ids stand, of which nothing was recorded since the run began.
-- Grain: call id. Source: requested, etl_outcomes. A rerun adds nothing. Run after recorded_ids.
-- Where the run has looked an id up it knows when its outcome was recorded, and it is looked for there.
insert into recorded_ids by name
with others as (
    select requested.*
    from requested
    anti join recorded_ids
        on requested.call_id = recorded_ids.call_id
),

at_their_moment as (
    select
        etl_outcomes.*,
        others.position
    from etl_outcomes
    inner join others
        on etl_outcomes.recorded_at = others.recorded_at
        and etl_outcomes.call_id = others.call_id
),

missed as (
    select others.*
    from others
    anti join at_their_moment
        on others.call_id = at_their_moment.call_id
)

select *
from at_their_moment
union all
select
    etl_outcomes.*,
    missed.position
from etl_outcomes
inner join missed
    on etl_outcomes.call_id = missed.call_id;
