-- Fills calls from the staged payloads.
-- Grain: call. Source: staged, this_load. A rerun replaces the same rows.
delete from calls
where call_id in (select call_id from replaced);

insert into calls by name
with timed as (
    select
        *,
        epoch_ms(start_timestamp) as started_at,
        epoch_ms(end_timestamp) as ended_at
    from staged
)

select
    call_id,
    agent_id,
    agent_name,
    agent_version,
    agent_tag,
    call_type,
    call_status,
    direction,
    from_number,
    to_number,
    audio_websocket_protocol,
    audio_encoding,
    sample_rate,
    end_call_after_silence_ms,
    drop_call_if_machine_detected,
    opt_out_sensitive_data_storage,
    data_storage_setting,
    metadata,
    retell_llm_dynamic_variables,
    collected_dynamic_variables,
    custom_sip_headers,
    started_at,
    ended_at,
    epoch_ms(transfer_end_timestamp) as transfer_ended_at,
    coalesce(duration_ms, end_timestamp - start_timestamp) as duration_ms,
    transcript,
    recording_url,
    recording_multi_channel_url,
    scrubbed_recording_url,
    scrubbed_recording_multi_channel_url,
    public_log_url,
    knowledge_base_retrieved_contents_url,
    disconnection_reason,
    transfer_destination,
    telephony_identifier,
    cast(call_cost ->> '$.combined_cost' as double) as combined_cost_cents,
    cast(llm_token_usage ->> '$.average' as double) as llm_tokens_average,
    cast(cast(llm_token_usage ->> '$.num_requests' as double) as bigint) as llm_requests_count,
    extra,
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
    payload_hash,
    first_seen_at,
    fetched_at as extracted_at,
    this_load.load_id
from timed
cross join this_load;
