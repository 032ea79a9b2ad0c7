-- Fills calls from the staged payloads.
-- Grain: call. Source: staged, staged_items, landed, this_load. A rerun replaces the same rows.
delete from calls
where call_id in (select call_id from replaced);

insert into calls by name
with counted as (
    select
        *,
        cast(llm_token_usage ->> '$.num_requests' as double) as requests_count
    from staged
),

-- What nested objects hold beyond their columns, each under the name of its object.
rests as (
    select
        *,
        object_of(
            list_concat(
                entries_beyond(call_cost, stored_fields('call_cost')),
                if(
                    not list_has_all(
                        stored_fields('product_cost'),
                        flatten(json_keys(call_cost, '$.product_costs[*]'))
                    ),
                    [{
                        'key': 'product_costs',
                        'value': to_json(
                            list_transform(
                                cast(call_cost -> '$.product_costs' as json[]),
                                lambda line: rest_of(line, stored_fields('product_cost'))
                            )
                        )
                    }],
                    []
                )
            )
        ) as call_cost_rest,
        rest_of(
            llm_token_usage,
            if(
                requests_count is null or whole_number(requests_count) is not null,
                stored_fields('llm_token_usage'),
                list_filter(stored_fields('llm_token_usage'), lambda field: field != 'num_requests')
            )
        ) as llm_token_usage_rest,
        object_of(
            list_filter(
                list_transform(
                    map_entries(latency),
                    lambda entry: {'key': entry."key", 'value': latency_rest(entry."value")}
                ),
                lambda entry: entry."value" is not null
            )
        ) as latency_rest
    from counted
),

-- Of a metric that stands in both places, the one in `latency` is loaded.
top_level_rests as (
    select
        *,
        list_transform(
            [
                {'field': 'e2e_latency', 'metric': 'e2e', 'stats': e2e_latency},
                {'field': 'llm_latency', 'metric': 'llm', 'stats': llm_latency},
                {
                    'field': 'llm_websocket_network_rtt_latency',
                    'metric': 'llm_websocket_network_rtt',
                    'stats': llm_websocket_network_rtt_latency
                }
            ],
            lambda top: {
                'key': top.field,
                'value': if(
                    json_type(latency[top.metric]) = 'OBJECT', top.stats, latency_rest(top.stats)
                )
            }
        ) as latency_rests
    from rests
),

-- The spoken items of a woven list whose turns are in transcript_object, by their place in the list.
spoken_rests as (
    select
        call_id,
        to_json(
            map_from_entries(
                list({'key': cast(item_index as varchar), 'value': speech_rest} order by item_index)
            )
        ) as transcript_with_tool_calls_rest
    from staged_items
    where speech_rest is not null
    group by call_id
)

-- A field that is a column under its own name needs no line here: the others are left out, and follow.
select
    top_level_rests.* exclude (
        call_number,
        start_timestamp,
        end_timestamp,
        transfer_end_timestamp,
        e2e_latency,
        llm_latency,
        llm_websocket_network_rtt_latency,
        latency,
        call_cost,
        llm_token_usage,
        call_analysis,
        unkept,
        transcript_object,
        odd_turns,
        woven_source,
        woven_items,
        is_uneven,
        pre_session,
        post_session,
        scrubbed_call_analysis,
        requests_count,
        call_cost_rest,
        llm_token_usage_rest,
        latency_rest,
        latency_rests
    )
    replace (
        coalesce(duration_ms, end_timestamp - start_timestamp) as duration_ms,
        to_json(redacted_fields) as redacted_fields
    )
    rename (fetched_at as extracted_at, turn_source as transcript_source),
    epoch_ms(start_timestamp) as started_at,
    epoch_ms(end_timestamp) as ended_at,
    epoch_ms(transfer_end_timestamp) as transfer_ended_at,
    coalesce(started_at, ended_at, landed.fresh_at) as dated_at,
    local_time(dated_at, this_load.time_zone) as local_at,
    cast(local_at as date) as day,
    cast(call_cost ->> '$.combined_cost' as double) as combined_cost_cents,
    cast(llm_token_usage ->> '$.average' as double) as llm_tokens_average,
    whole_number(requests_count) as llm_requests_count,
    object_of(
        list_concat(
            unkept,
            list_filter(
                list_concat(
                    latency_rests,
                    [
                        {'key': 'latency', 'value': latency_rest},
                        {'key': 'call_cost', 'value': call_cost_rest},
                        {'key': 'llm_token_usage', 'value': llm_token_usage_rest},
                        {
                            'key': 'transcript_with_tool_calls',
                            'value': transcript_with_tool_calls_rest
                        }
                    ]
                ),
                lambda entry: entry."value" is not null
            )
        )
    ) as extra,
    -- The page's v1 object describes its audio; early v2 dropped that and kept v1's latency fields.
    case
        when coalesce(audio_websocket_protocol, audio_encoding) is not null then 'v1'
        when sample_rate is not null then 'v1'
        when
            coalesce(e2e_latency, llm_latency, llm_websocket_network_rtt_latency) is not null
            and latency is null
            then 'early_v2'
        else 'today'
    end as payload_shape,
    landed.first_seen_at,
    landed.event."name" as event,
    this_load.load_id
from top_level_rests
inner join landed
    on top_level_rests.call_id = landed.call_id
    and landed.action = 'replace'
left join spoken_rests
    on top_level_rests.call_id = spoken_rests.call_id
cross join this_load;
