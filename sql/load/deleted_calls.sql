-- Notes which calls of this load the API does not have any more.
-- Grain: call. Source: calls, etl_outcomes, landed, this_load. A rerun sets the same.
-- Run after etl_outcomes. The first answer that said so counts, until a later one has the call again,
-- whatever the order in which they are loaded; a call that is only asked for again stays deleted meanwhile.
with answers_of_calls as (
    select
        calls.call_id,
        min({'sequence': landed.sequence, 'at': landed.fetched_at}) filter (
            where landed.outcome = 'not_found' and landed.sequence >= calls.sequence
        ) as first_gone,
        case
            when calls.deleted_sequence >= calls.sequence
                then {'sequence': calls.deleted_sequence, 'at': calls.deleted_at_source_at}
        end as known_gone
    from calls
    inner join landed
        on calls.call_id = landed.call_id
    group by all
),

gone as (
    select
        answers_of_calls.call_id,
        case
            when etl_outcomes.outcome in ('deleted', 'not_found')
                then coalesce(
                    least(known_gone, first_gone),
                    {'sequence': etl_outcomes.fetched_sequence, 'at': etl_outcomes.fetched_at}
                )
            when etl_outcomes.outcome in ('waiting', 'listed', 'changed', 'failed')
                then least(known_gone, first_gone)
        end as earliest
    from answers_of_calls
    inner join etl_outcomes
        on answers_of_calls.call_id = etl_outcomes.call_id
)

update calls
set
    deleted_at_source_at = gone.earliest."at",
    deleted_sequence = gone.earliest.sequence,
    is_hidden = gone.earliest is not null and this_load.hides_deleted
from gone
cross join this_load
where
    calls.call_id = gone.call_id
    and (gone.earliest is not null or calls.deleted_at_source_at is not null);
