-- Fields of a call that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro kept_in_call() as
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
];
