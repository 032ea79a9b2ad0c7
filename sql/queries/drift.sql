-- What payloads hold that the API is not known to send, what is in most calls first.
-- Grain: kind × JSON path × value. Source: etl_drift, etl_events. Reads only.
-- Parameter: $since (UTC), the earliest load that is looked at, or null for all.
-- Ids are read of the first calls only: to read them all takes most of the time where millions have something.
with things as (
    select
        kind,
        json_path,
        value,
        count(*) as calls,
        sum(occurrence_count) as occurrences,
        min(first_seen_at) as first_seen_at
    from etl_drift
    where
        $since is null
        or recorded_at >= cast($since as timestamp)
    group by
        kind,
        json_path,
        value
),

found as (
    select
        things.kind,
        things.json_path,
        things.value,
        things.calls,
        things.occurrences,
        min(etl_drift.call_id) as first_call_id,
        things.first_seen_at
    from things
    inner join etl_drift
        on things.kind = etl_drift.kind
        and things.json_path = etl_drift.json_path
        and things.value is not distinct from etl_drift.value
        and things.first_seen_at = etl_drift.first_seen_at
    where
        $since is null
        or etl_drift.recorded_at >= cast($since as timestamp)
    group by all
    union all
    -- Events of a kind that is not known: their bodies are landed, and nothing is loaded of them.
    select
        'event' as kind,
        '$.event' as json_path,
        etl_events.event as value,
        count(distinct etl_events.first_id) as calls,
        sum(etl_events.event_count) as occurrences,
        arg_min(etl_events.first_id, etl_events.first_received_at) as first_call_id,
        min(etl_events.first_received_at) as first_seen_at
    from etl_events
    where
        etl_events.event not in (
            select unnest(names)
            from known_names()
            where
                kind = 'value'
                and place = 'event'
        )
        and (
            $since is null
            or etl_events.last_received_at >= cast($since as timestamp)
        )
    group by etl_events.event
)

select *
from found
order by
    calls desc nulls last,
    kind asc nulls last,
    json_path asc nulls last,
    value asc nulls last;
