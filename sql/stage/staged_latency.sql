-- Every latency metric of the staged payloads, wherever the payload's shape keeps it.
-- Grain: call × metric. Source: staged. A rerun replaces the temporary table.
-- An object with none of the summary's members is no row: the API sends empty ones.
create or replace temp table staged_latency as
with top_level as (
    select
        call_id,
        unnest([
            {'metric': 'e2e', 'stats': e2e_latency},
            {'metric': 'llm', 'stats': llm_latency},
            {
                'metric': 'llm_websocket_network_rtt',
                'stats': llm_websocket_network_rtt_latency
            }
        ], recursive := true)
    from staged
),

-- A metric that is new at the top level, as <metric>_latency, is a metric like the others.
new_fields as (
    select
        call_id,
        unnest(unkept) as entry
    from staged
),

new_top_level as (
    select
        call_id,
        regexp_extract(entry.key, '^(.+)_latency$', 1) as metric,
        entry.value as stats
    from new_fields
    where
        entry.key like '_%\_latency' escape '\'
        and json_type(entry.value) = 'OBJECT'
),

nested as (
    select
        call_id,
        unnest(map_entries(latency)) as entry
    from staged
),

found as (
    select
        call_id,
        entry.key as metric,
        entry.value as stats,
        1 as preference
    from nested
    where json_type(entry.value) = 'OBJECT'
    union all
    select
        call_id,
        metric,
        stats,
        2 as preference
    from top_level
    where json_type(stats) = 'OBJECT'
    union all
    select
        call_id,
        metric,
        stats,
        3 as preference
    from new_top_level
),

-- Where two shapes mix in one payload, today's place holds the samples too.
chosen as (
    select
        call_id,
        metric,
        preference,
        read_as(stats, 'latency') as stats
    from found
    qualify row_number() over (partition by call_id, metric order by preference) = 1
)

select
    call_id,
    metric,
    stats.* exclude (num, "values") rename (
        p50 as p50_ms,
        p90 as p90_ms,
        p95 as p95_ms,
        p99 as p99_ms,
        "max" as max_ms,
        "min" as min_ms
    ),
    list_filter(stats."values", lambda value: value is not null) as values_ms,
    len(stats."values") - len(values_ms) as null_count,
    -- The API types it as any number; one that counts nothing is in extra.
    whole_number(stats.num) as num,
    if(
        preference = 1,
        '$.latency' || json_path_step(metric),
        '$' || json_path_step(metric || '_latency')
    ) as json_path
from chosen
where
    coalesce(
        stats.p50, stats.p90, stats.p95, stats.p99, stats."max", stats."min", stats.num
    ) is not null
    or len(values_ms) > 0
    or null_count > 0;
