-- How payloads that are plain are read: with all their fields named beforehand, and with turns, if there
-- are any, in transcript_object. The manifest of a chunk says which of its payloads are.
-- Grain: call. Source: landed chunks, winners. A rerun replaces the temporary view.
-- The columns are those of read_any.
-- Variable: payloads, paths of the payload files.
create or replace temp view payloads as
with objects as (
    select
        * exclude (filename, transcript_with_tool_calls),
        parse_filename(filename) as payload_file,
        transcript_with_tool_calls as woven
    from
        read_json(
            getvariable('payloads'),
            format = 'newline_delimited',
            compression = 'zstd',
            filename = true,
            hive_partitioning = false,
            maximum_object_size = 33554432,
            columns = {
                call_id: 'varchar',
                agent_id: 'json',
                agent_name: 'json',
                agent_version: 'json',
                agent_tag: 'json',
                call_type: 'json',
                call_status: 'json',
                direction: 'json',
                from_number: 'json',
                to_number: 'json',
                audio_websocket_protocol: 'json',
                audio_encoding: 'json',
                sample_rate: 'json',
                end_call_after_silence_ms: 'json',
                drop_call_if_machine_detected: 'json',
                opt_out_sensitive_data_storage: 'json',
                data_storage_setting: 'json',
                metadata: 'json',
                retell_llm_dynamic_variables: 'json',
                collected_dynamic_variables: 'json',
                custom_sip_headers: 'json',
                start_timestamp: 'json',
                end_timestamp: 'json',
                transfer_end_timestamp: 'json',
                duration_ms: 'json',
                recording_url: 'json',
                recording_multi_channel_url: 'json',
                scrubbed_recording_url: 'json',
                scrubbed_recording_multi_channel_url: 'json',
                public_log_url: 'json',
                knowledge_base_retrieved_contents_url: 'json',
                e2e_latency: 'json',
                llm_latency: 'json',
                llm_websocket_network_rtt_latency: 'json',
                latency: 'json',
                disconnection_reason: 'json',
                transfer_destination: 'json',
                telephony_identifier: 'json',
                call_cost: 'json',
                llm_token_usage: 'json',
                call_analysis: 'json',
                opt_in_signed_url: 'json',
                scrubbed_transcript_with_tool_calls: 'json',
                pre_session_transcript_with_tool_calls: 'json',
                post_session_transcript_with_tool_calls: 'json',
                scrubbed_pre_session_transcript_with_tool_calls: 'json',
                scrubbed_post_session_transcript_with_tool_calls: 'json',
                transcript: 'varchar',
                transcript_object: 'struct(
                    role varchar,
                    content varchar,
                    metadata json,
                    words struct(word varchar, "start" double, "end" double)[]
                )[]',
                transcript_with_tool_calls: 'json[]'
            }
        )
)

select
    winners.payload_hash,
    winners.fetched_at,
    objects.* exclude (
        payload_file,
        woven,
        opt_in_signed_url,
        scrubbed_transcript_with_tool_calls,
        pre_session_transcript_with_tool_calls,
        post_session_transcript_with_tool_calls,
        scrubbed_pre_session_transcript_with_tool_calls,
        scrubbed_post_session_transcript_with_tool_calls
    ),
    list_filter(
        [
            {'key': 'opt_in_signed_url', 'value': opt_in_signed_url},
            {
                'key': 'scrubbed_transcript_with_tool_calls',
                'value': scrubbed_transcript_with_tool_calls
            },
            {
                'key': 'pre_session_transcript_with_tool_calls',
                'value': pre_session_transcript_with_tool_calls
            },
            {
                'key': 'post_session_transcript_with_tool_calls',
                'value': post_session_transcript_with_tool_calls
            },
            {
                'key': 'scrubbed_pre_session_transcript_with_tool_calls',
                'value': scrubbed_pre_session_transcript_with_tool_calls
            },
            {
                'key': 'scrubbed_post_session_transcript_with_tool_calls',
                'value': scrubbed_post_session_transcript_with_tool_calls
            }
        ],
        lambda entry: entry."value" is not null
    ) as unkept,
    cast(null as json[]) as odd_turns,
    case when len(transcript_object) > 0 then 'transcript_object' end as turn_source,
    if(
        len(woven) > 0, 'transcript_with_tool_calls', 'scrubbed_transcript_with_tool_calls'
    ) as woven_source,
    -- An item that is speech is only counted: the text of a turn weighs much and is known already.
    list_transform(
        list_zip(
            list_transform(
                woven, lambda item: json_transform(item, '{"role": "VARCHAR", "words": ["NULL"]}')
            ),
            woven
        ),
        lambda pair: {
            'role': pair[1]['role'],
            'has_words': pair[1]['words'] is not null,
            'word_count': coalesce(len(pair[1]['words']), 0),
            'item': case when not is_speaker(pair[1]['role']) then pair[2] end
        }
    ) as woven_items
from objects
inner join winners
    on objects.payload_file = winners.payload_file
    and objects.call_id = winners.call_id;
