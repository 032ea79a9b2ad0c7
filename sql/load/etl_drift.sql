-- Records what the staged payloads hold that the API is not known to send: fields, enum values, latency
-- metrics, transcript roles.
-- Grain: call × kind × JSON path × value.
-- Source: staged, staged_latency, staged_items, known_names, landed, this_load.
-- A rerun replaces the same rows, and forgets what has become known meanwhile.
delete from etl_drift
where call_id in (select call_id from replaced);

insert into etl_drift by name
with nested as (
    select
        call_id,
        unnest([
            {'place': '$.e2e_latency', 'node': e2e_latency},
            {'place': '$.llm_latency', 'node': llm_latency},
            {
                'place': '$.llm_websocket_network_rtt_latency',
                'node': llm_websocket_network_rtt_latency
            },
            {'place': '$.call_cost', 'node': call_cost},
            {'place': '$.llm_token_usage', 'node': llm_token_usage},
            {'place': '$.call_analysis', 'node': call_analysis},
            {'place': '$.scrubbed_call_analysis', 'node': scrubbed_call_analysis},
            {'place': '$.telephony_identifier', 'node': telephony_identifier}
        ], recursive := true)
    from staged
),

metrics as (
    select
        call_id,
        unnest(map_entries(latency)) as entry
    from staged
),

-- Lists of transcripts that become no rows.
lists as (
    select
        call_id,
        unkept_field.entry."key" as field,
        cast(unkept_field.entry."value" as json[]) as items
    from (
        select
            call_id,
            woven_source,
            [pre_session.source, post_session.source] as phase_sources,
            unnest(unkept) as entry
        from staged
    ) as unkept_field
    where
        unkept_field.entry."key" like '%transcript_with_tool_calls'
        and unkept_field.entry."key" != unkept_field.woven_source
        and not list_contains(unkept_field.phase_sources, unkept_field.entry."key")
        and json_type(unkept_field.entry."value") = 'ARRAY'
),

unnested as (
    select
        call_id,
        '$.' || field || '[*]' as json_path,
        unnest(items) as item
    from lists
),

-- Of the list that becomes rows, staged_items has all but plain speech in a known role.
items as (
    select
        staged_items.call_id,
        '$.' || staged_items.source || '[*]' as json_path,
        staged_items.role,
        staged_items.item
    from staged_items
    union all
    select
        call_id,
        json_path,
        item ->> '$.role' as role,
        item
    from unnested
),

turns as (
    select
        call_id,
        '$.transcript_object[*]' as json_path,
        unnest(odd_turns) as item
    from staged
    where turn_source = 'transcript_object'
),

roles as (
    select
        call_id,
        unnest(list_distinct([turn.role for turn in transcript_object])) as role
    from staged
    where turn_source = 'transcript_object'
),

odd_items as (
    select
        call_id,
        json_path,
        role,
        item
    from items
    union all
    select
        call_id,
        json_path,
        item ->> '$.role' as role,
        item
    from turns
),

-- Every object whose fields are known, with the names of its fields.
objects as (
    select
        call_id,
        '$' as place,
        '$' as json_path,
        list_transform(unkept, lambda entry: entry."key") as names
    from staged
    where len(unkept) > 0
    union all
    select
        call_id,
        place,
        place as json_path,
        json_keys(node) as names
    from nested
    where json_type(node) = 'OBJECT'
    union all
    select
        call_id,
        '$.call_cost.product_costs[*]' as place,
        '$.call_cost.product_costs[*]' as json_path,
        flatten(json_keys(call_cost, '$.product_costs[*]')) as names
    from staged
    where call_cost is not null
    union all
    select
        call_id,
        '$.latency.*' as place,
        '$.latency' || json_path_step(entry."key") as json_path,
        json_keys(entry."value") as names
    from metrics
    where json_type(entry."value") = 'OBJECT'
    union all
    -- A role that is new says so itself; which fields it may have nobody knows.
    select
        call_id,
        role as place,
        json_path,
        json_keys(item) as names
    from odd_items
    union all
    select
        call_id,
        'word' as place,
        json_path || '.words[*]' as json_path,
        flatten(json_keys(item, '$.words[*]')) as names
    from odd_items
    where json_type(item, '$.words') = 'ARRAY'
    union all
    select
        call_id,
        'turn metadata' as place,
        json_path || '.metadata' as json_path,
        json_keys(item, '$.metadata') as names
    from odd_items
    where json_type(item, '$.metadata') = 'OBJECT'
),

known_fields as (
    select
        place,
        names
    from known_names()
    where kind = 'field'
),

new_fields as (
    select
        objects.call_id,
        objects.json_path,
        unnest(
            list_filter(
                objects.names,
                lambda name: not list_contains(known_fields.names, name)
            )
        ) as name
    from objects
    inner join known_fields
        on objects.place = known_fields.place
),

named as (
    select
        call_id,
        unnest([
            {'place': '$.call_status', 'json_path': '$.call_status', 'value': call_status},
            {'place': '$.call_type', 'json_path': '$.call_type', 'value': call_type},
            {'place': '$.direction', 'json_path': '$.direction', 'value': direction},
            {
                'place': '$.audio_websocket_protocol',
                'json_path': '$.audio_websocket_protocol',
                'value': audio_websocket_protocol
            },
            {
                'place': '$.audio_encoding',
                'json_path': '$.audio_encoding',
                'value': audio_encoding
            },
            {
                'place': '$.data_storage_setting',
                'json_path': '$.data_storage_setting',
                'value': data_storage_setting
            },
            {
                'place': '$.call_analysis.user_sentiment',
                'json_path': '$.call_analysis.user_sentiment',
                -- One that is known but for its case is told as such in all views.
                'value': plain_sentiment(call_analysis ->> '$.user_sentiment')
            }
        ], recursive := true)
    from staged
    union all
    select
        call_id,
        'transition_type' as place,
        json_path || '.transition_type' as json_path,
        item ->> '$.transition_type' as value
    from odd_items
    where role = 'node_transition'
    union all
    select
        call_id,
        'tool type' as place,
        json_path || '.type' as json_path,
        item ->> '$.type' as value
    from odd_items
    where role = 'tool_call_invocation'
),

known_values as (
    select
        place,
        unnest(names) as value
    from known_names()
    where kind = 'value'
),

found as (
    select
        call_id,
        'field' as kind,
        json_path || json_path_step(name) as json_path,
        cast(null as varchar) as value
    from new_fields
    union all
    select
        named.call_id,
        'value' as kind,
        named.json_path,
        named.value
    from named
    anti join known_values
        on named.place = known_values.place
        and named.value = known_values.value
    where named.value is not null
    union all
    select
        call_id,
        'value' as kind,
        '$.disconnection_reason' as json_path,
        disconnection_reason as value
    from staged
    where disconnection_category(nullif(trim(disconnection_reason), '')) = 'unknown'
    union all
    -- A null among samples is none, and dropped.
    select
        call_id,
        'value' as kind,
        json_path || '.values[*]' as json_path,
        'null' as value
    from (select call_id, json_path, unnest(range(null_count)) from staged_latency)
    union all
    select
        call_id,
        'metric' as kind,
        json_path,
        metric as value
    from staged_latency
    where
        not exists (
            select 1
            from known_names()
            where
                kind = 'metric'
                and list_contains(names, metric)
        )
    union all
    select
        spoken.call_id,
        'role' as kind,
        spoken.json_path || '.role' as json_path,
        spoken.role as value
    from (
        select call_id, json_path, role from items
        union all
        select call_id, '$.transcript_object[*]' as json_path, role from roles
    ) as spoken
    where
        spoken.role is not null
        and not exists (
            select 1
            from known_names()
            where
                kind = 'role'
                and list_contains(names, spoken.role)
        )
)

select
    found.call_id,
    found.kind,
    found.json_path,
    left(found.value, 200) as value,
    count(*) as occurrence_count,
    this_load.recorded_at,
    landed.first_seen_at
from found
inner join landed
    on found.call_id = landed.call_id
    and landed.action = 'replace'
cross join this_load
group by all;
