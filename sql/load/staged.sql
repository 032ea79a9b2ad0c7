-- The payloads that replace what the warehouse holds, typed, one column a field.
-- Grain: call. Source: landed chunks, landed. A rerun replaces the temporary table.
-- Parameter: $payloads, paths of the payload files.
create or replace temp table staged as
with winners as (
    select
        payload_file,
        call_id,
        payload_hash,
        fetched_at,
        first_seen_at
    from landed
    where action = 'replace'
),

payloads as (
    select
        *,
        parse_filename(filename) as payload_file
    from
        read_json(
            $payloads,
            format = 'newline_delimited',
            compression = 'zstd',
            filename = true,
            maximum_object_size = 33554432,
            columns = {
                call_id: 'varchar',
                agent_id: 'varchar',
                agent_name: 'varchar',
                agent_version: 'varchar',
                agent_tag: 'varchar',
                call_type: 'varchar',
                call_status: 'varchar',
                direction: 'varchar',
                from_number: 'varchar',
                to_number: 'varchar',
                audio_websocket_protocol: 'varchar',
                audio_encoding: 'varchar',
                sample_rate: 'integer',
                end_call_after_silence_ms: 'bigint',
                drop_call_if_machine_detected: 'boolean',
                opt_out_sensitive_data_storage: 'boolean',
                data_storage_setting: 'varchar',
                metadata: 'json',
                retell_llm_dynamic_variables: 'json',
                collected_dynamic_variables: 'json',
                custom_sip_headers: 'json',
                start_timestamp: 'bigint',
                end_timestamp: 'bigint',
                transfer_end_timestamp: 'bigint',
                duration_ms: 'bigint',
                transcript: 'varchar',
                transcript_object: 'struct(
                    role varchar,
                    content varchar,
                    words struct(word varchar, start double, "end" double)[],
                    metadata json
                )[]',
                transcript_with_tool_calls: 'json[]',
                recording_url: 'varchar',
                recording_multi_channel_url: 'varchar',
                scrubbed_recording_url: 'varchar',
                scrubbed_recording_multi_channel_url: 'varchar',
                public_log_url: 'varchar',
                knowledge_base_retrieved_contents_url: 'varchar',
                e2e_latency: 'json',
                llm_latency: 'json',
                llm_websocket_network_rtt_latency: 'json',
                latency: 'map(varchar, json)',
                disconnection_reason: 'varchar',
                transfer_destination: 'varchar',
                telephony_identifier: 'json',
                call_cost: 'json',
                llm_token_usage: 'json',
                call_analysis: 'json'
            }
        )
),

-- The same payloads as raw objects, because a typed read drops the fields it does not name.
known as (
    select
        [
            'call_id', 'agent_id', 'agent_name', 'agent_version', 'agent_tag', 'call_type',
            'call_status', 'direction', 'from_number', 'to_number', 'audio_websocket_protocol',
            'audio_encoding', 'sample_rate', 'end_call_after_silence_ms',
            'drop_call_if_machine_detected', 'opt_out_sensitive_data_storage',
            'data_storage_setting', 'metadata', 'retell_llm_dynamic_variables',
            'collected_dynamic_variables', 'custom_sip_headers', 'start_timestamp',
            'end_timestamp', 'transfer_end_timestamp', 'duration_ms', 'transcript',
            'transcript_object', 'transcript_with_tool_calls', 'recording_url',
            'recording_multi_channel_url', 'scrubbed_recording_url',
            'scrubbed_recording_multi_channel_url', 'public_log_url',
            'knowledge_base_retrieved_contents_url', 'e2e_latency', 'llm_latency',
            'llm_websocket_network_rtt_latency', 'latency', 'disconnection_reason',
            'transfer_destination', 'telephony_identifier', 'call_cost', 'llm_token_usage',
            'call_analysis'
        ] as fields
),

objects as (
    select
        json,
        parse_filename(filename) as payload_file
    from
        read_json_objects(
            $payloads,
            format = 'newline_delimited',
            compression = 'zstd',
            filename = true,
            maximum_object_size = 33554432
        )
),

extras as (
    select
        objects.payload_file,
        objects.json ->> '$.call_id' as call_id,
        json_merge_patch(
            objects.json,
            (
                select json_group_object(field, null)
                from (select unnest(fields) as field from known)
            )
        ) as extra
    from objects
    where
        not list_has_all((select fields from known), json_keys(objects.json))
)

select
    winners.payload_hash,
    winners.fetched_at,
    winners.first_seen_at,
    payloads.* exclude (filename, payload_file),
    extras.extra
from winners
inner join payloads
    on winners.payload_file = payloads.payload_file
    and winners.call_id = payloads.call_id
left join extras
    on winners.payload_file = extras.payload_file
    and winners.call_id = extras.call_id;
