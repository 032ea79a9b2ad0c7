-- How many events of each kind were received, and when the latest of them.
-- Grain: event. Source: etl_events, known_names. Reads only.
select
    etl_events.event,
    sum(etl_events.event_count)::bigint as events,
    max(etl_events.last_received_at) as latest_at,
    case
        when etl_events.event like 'chat\_%' escape '\' then 'landed, not loaded yet'
        when
            etl_events.event in (
                select unnest(names)
                from known_names()
                where
                    kind = 'value'
                    and place = 'event'
            )
            then 'loaded'
        else 'landed; not known'
    end as becomes
from etl_events
group by etl_events.event
order by
    events desc nulls last,
    etl_events.event asc nulls last;
