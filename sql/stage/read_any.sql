-- How payloads of any kind are read: field by field, since a typed read drops what it does not name.
-- Grain: call. Source: landed chunks, winners. A rerun replaces the temporary view.
--
-- Turns come from transcript_object. Where that is missing or empty they are what was spoken in the
-- woven transcript, and where only the scrubbed one exists, in that; turn_source says from which.
-- Variable: payloads, paths of the payload files.
create or replace temp view payloads as
with objects as (
    select
        fields,
        fields['call_id'] ->> '$' as call_id,
        parse_filename(filename) as payload_file
    from
        read_json(
            getvariable('payloads'),
            format = 'newline_delimited',
            compression = 'zstd',
            records = false,
            filename = true,
            hive_partitioning = false,
            maximum_object_size = 33554432,
            columns = {fields: 'map(varchar, json)'}
        )
),

named as (
    select
        winners.payload_hash,
        winners.fetched_at,
        winners.has_plain_speech,
        objects.call_id,
        fields['agent_id'] as agent_id,
        fields['agent_name'] as agent_name,
        fields['agent_version'] as agent_version,
        fields['agent_tag'] as agent_tag,
        fields['call_type'] as call_type,
        fields['call_status'] as call_status,
        fields['direction'] as direction,
        fields['from_number'] as from_number,
        fields['to_number'] as to_number,
        fields['audio_websocket_protocol'] as audio_websocket_protocol,
        fields['audio_encoding'] as audio_encoding,
        fields['sample_rate'] as sample_rate,
        fields['end_call_after_silence_ms'] as end_call_after_silence_ms,
        fields['drop_call_if_machine_detected'] as drop_call_if_machine_detected,
        fields['opt_out_sensitive_data_storage'] as opt_out_sensitive_data_storage,
        fields['data_storage_setting'] as data_storage_setting,
        fields['metadata'] as metadata,
        fields['retell_llm_dynamic_variables'] as retell_llm_dynamic_variables,
        fields['collected_dynamic_variables'] as collected_dynamic_variables,
        fields['custom_sip_headers'] as custom_sip_headers,
        fields['start_timestamp'] as start_timestamp,
        fields['end_timestamp'] as end_timestamp,
        fields['transfer_end_timestamp'] as transfer_end_timestamp,
        fields['duration_ms'] as duration_ms,
        fields['transcript'] ->> '$' as transcript,
        fields['transcript_object'] as transcript_object,
        fields['transcript_with_tool_calls'] as transcript_with_tool_calls,
        fields['recording_url'] as recording_url,
        fields['recording_multi_channel_url'] as recording_multi_channel_url,
        fields['scrubbed_recording_url'] as scrubbed_recording_url,
        fields['scrubbed_recording_multi_channel_url'] as scrubbed_recording_multi_channel_url,
        fields['public_log_url'] as public_log_url,
        fields['knowledge_base_retrieved_contents_url'] as knowledge_base_retrieved_contents_url,
        fields['e2e_latency'] as e2e_latency,
        fields['llm_latency'] as llm_latency,
        fields['llm_websocket_network_rtt_latency'] as llm_websocket_network_rtt_latency,
        fields['latency'] as latency,
        fields['disconnection_reason'] as disconnection_reason,
        fields['transfer_destination'] as transfer_destination,
        fields['telephony_identifier'] as telephony_identifier,
        fields['call_cost'] as call_cost,
        fields['llm_token_usage'] as llm_token_usage,
        fields['call_analysis'] as call_analysis,
        -- By their names first: most of a payload is its transcripts, which are not to be copied.
        list_transform(
            list_filter(
                map_keys(fields), lambda name: not list_contains(kept_in_call(), name)
            ),
            lambda name: {'key': name, 'value': fields[name]}
        ) as unkept,
        case
            when not has_plain_speech and not is_plain_speech(fields['transcript_object'])
                then cast(fields['transcript_object'] as json[])
        end as odd_turns,
        fields['scrubbed_transcript_with_tool_calls'] as scrubbed
    from objects
    inner join winners
        on objects.payload_file = winners.payload_file
        and objects.call_id = winners.call_id
),

chosen as (
    select
        *,
        holds_items(transcript_object) as has_turns,
        if(
            holds_items(transcript_with_tool_calls),
            'transcript_with_tool_calls',
            'scrubbed_transcript_with_tool_calls'
        ) as woven_source,
        case
            when holds_items(transcript_with_tool_calls) then transcript_with_tool_calls
            when holds_items(scrubbed) then scrubbed
        end as woven
    from named
),

-- Worked out only for calls without turns of their own: the lists are most of a payload, and stay text.
spoken as (
    select
        *,
        case when not has_turns then spoken_items(transcript_with_tool_calls) end as woven_turns,
        case
            when not has_turns and len(woven_turns) = 0 then spoken_items(scrubbed)
        end as scrubbed_turns,
        case
            when has_turns then 'transcript_object'
            when len(woven_turns) > 0 then 'transcript_with_tool_calls'
            when len(scrubbed_turns) > 0 then 'scrubbed_transcript_with_tool_calls'
        end as turn_source
    from chosen
)

select
    * exclude (
        has_plain_speech,
        has_turns,
        scrubbed,
        woven_turns,
        scrubbed_turns,
        transcript_with_tool_calls,
        woven
    )
    replace (
        json_transform(
            case
                when has_turns then transcript_object
                else to_json(list_concat(woven_turns, scrubbed_turns))
            end,
            '[{
                "role": "VARCHAR", "content": "VARCHAR", "metadata": "JSON",
                "words": [{"word": "VARCHAR", "start": "DOUBLE", "end": "DOUBLE"}]
            }]'
        ) as transcript_object,
        case
            when has_turns then odd_turns
            else list_concat(woven_turns, scrubbed_turns)
        end as odd_turns
    ),
    -- Of a woven item that is plain speech only its place and its number of words are kept: the text of
    -- a turn weighs much and is known already.
    list_transform(
        list_zip(
            -- One pass over the text for all heads; of the words only how many there are.
            json_transform(woven, '[{"role": "VARCHAR", "words": ["NULL"]}]'),
            cast(woven as json[])
        ),
        lambda pair: {
            'role': pair[1]['role'],
            'has_words': pair[1]['words'] is not null,
            'word_count': coalesce(len(pair[1]['words']), 0),
            'item': case
                when is_speaker(pair[1]['role'])
                    and (has_plain_speech or is_plain_speech(pair[2]))
                    then null
                else pair[2]
            end
        }
    ) as woven_items
from spoken;
