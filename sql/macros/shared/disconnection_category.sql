-- Category of a disconnection reason: who or what ended the call.
-- Grain: scalar. Source: none; the list of reasons is the API's. A rerun replaces the macro.
-- A null reason is 'none'; a reason that is not listed, such as a newer one, is 'unknown'.
create or replace macro disconnection_category(reason) as
case
    when reason is null then 'none'
    when reason in (
        'user_hangup', 'agent_hangup', 'user_requested_dnc', 'user_requested_callback'
    ) then 'completed'
    when reason in ('call_transfer', 'transfer_bridged', 'transfer_cancelled') then 'transferred'
    when reason in ('voicemail_reached', 'ivr_reached', 'machine_detected') then 'automated_answer'
    when reason in ('inactivity', 'max_duration_reached') then 'timeout'
    when reason in (
        'dial_busy',
        'dial_failed',
        'dial_no_answer',
        'invalid_destination',
        'telephony_provider_permission_denied',
        'telephony_provider_unavailable',
        'sip_routing_error',
        'marked_as_spam',
        'network_blocked',
        'user_declined'
    ) then 'not_connected'
    when reason in (
        'concurrency_limit_reached',
        'no_concurrency_fallback',
        'no_valid_payment',
        'credit_exhausted',
        'budget_reached',
        'scam_detected'
    ) then 'capacity_or_account'
    when reason in (
        'error_llm_websocket_open',
        'error_llm_websocket_lost_connection',
        'error_llm_websocket_runtime',
        'error_llm_websocket_corrupt_payload',
        'error_frontend_corrupted_payload',
        'error_twilio',
        'error_no_audio_received',
        'error_asr',
        'error_retell',
        'error_unknown',
        'error_user_not_joined',
        'registered_call_timeout',
        'error_inbound_webhook'
    ) then 'platform_error'
    when reason in ('manual_stopped', 'call_take_over') then 'operator'
    else 'unknown'
end;
