-- Fills known_disconnection_reasons: the one list of the reasons for which calls end, and what each
-- one means. To add a reason, add a row here.
-- Grain: disconnection_reason. Source: the rows below.
-- A rerun replaces all rows. It comes with the views: whenever a version of this file is new.
--
-- reached   what the reason alone says that the call reached; null where it does not say.
--           nobody: all that were not reached, and calls that ended before they began.
--           A call that the account could not pay for, or that a limit stopped, is taken to have
--           reached nobody, and so is one that a network blocked: no_valid_payment,
--           credit_exhausted, budget_reached, concurrency_limit_reached, no_concurrency_fallback,
--           network_blocked. Retell says of none that it ends a conversation that goes on.
--           A scam can be detected during a conversation: scam_detected does not say.
-- asked_to_stop
--           a person was reached and asked for something else than the agent: never to be called
--           again, or to be called at another time. Such a call is no call that an agent completed.
-- source    where the reason is listed. v1 reference: the page of v1's Get Call; reference: a page
--           of today's API; SDK types: the types of Retell's Python SDK 6.2, and no page so far.
delete from known_disconnection_reasons;

insert into known_disconnection_reasons by name
select
    disconnection_reason,
    category,
    reached,
    source <> 'SDK types' as is_documented,
    source
from (
    values
        ('user_hangup', 'completed', null, 'v1 reference'),
        ('agent_hangup', 'completed', null, 'v1 reference'),
        ('user_requested_dnc', 'asked_to_stop', null, 'SDK types'),
        ('user_requested_callback', 'asked_to_stop', null, 'SDK types'),
        ('call_transfer', 'transferred', 'transfer_target', 'v1 reference'),
        ('transfer_bridged', 'transferred', 'transfer_target', 'reference'),
        ('transfer_cancelled', 'transferred', null, 'reference'),
        ('voicemail_reached', 'automated_answer', 'voicemail', 'reference'),
        ('ivr_reached', 'automated_answer', 'ivr', 'reference'),
        ('machine_detected', 'automated_answer', 'voicemail', 'v1 reference'),
        ('inactivity', 'timeout', null, 'v1 reference'),
        ('max_duration_reached', 'timeout', null, 'reference'),
        ('dial_busy', 'not_connected', 'nobody', 'v1 reference'),
        ('dial_failed', 'not_connected', 'nobody', 'v1 reference'),
        ('dial_no_answer', 'not_connected', 'nobody', 'v1 reference'),
        ('invalid_destination', 'not_connected', 'nobody', 'reference'),
        ('telephony_provider_permission_denied', 'not_connected', 'nobody', 'reference'),
        ('telephony_provider_unavailable', 'not_connected', 'nobody', 'reference'),
        ('sip_routing_error', 'not_connected', 'nobody', 'reference'),
        ('marked_as_spam', 'not_connected', 'nobody', 'reference'),
        ('network_blocked', 'not_connected', 'nobody', 'SDK types'),
        ('user_declined', 'not_connected', 'nobody', 'reference'),
        ('concurrency_limit_reached', 'capacity_or_account', 'nobody', 'v1 reference'),
        ('no_concurrency_fallback', 'capacity_or_account', 'nobody', 'reference'),
        ('no_valid_payment', 'capacity_or_account', 'nobody', 'reference'),
        ('credit_exhausted', 'capacity_or_account', 'nobody', 'SDK types'),
        ('budget_reached', 'capacity_or_account', 'nobody', 'SDK types'),
        ('scam_detected', 'capacity_or_account', null, 'reference'),
        ('error_llm_websocket_open', 'platform_error', null, 'v1 reference'),
        ('error_llm_websocket_lost_connection', 'platform_error', null, 'v1 reference'),
        ('error_llm_websocket_runtime', 'platform_error', null, 'v1 reference'),
        ('error_llm_websocket_corrupt_payload', 'platform_error', null, 'v1 reference'),
        ('error_frontend_corrupted_payload', 'platform_error', null, 'v1 reference'),
        ('error_twilio', 'platform_error', null, 'v1 reference'),
        ('error_no_audio_received', 'platform_error', null, 'v1 reference'),
        ('error_asr', 'platform_error', null, 'v1 reference'),
        ('error_retell', 'platform_error', null, 'v1 reference'),
        ('error_unknown', 'platform_error', null, 'v1 reference'),
        ('error_user_not_joined', 'platform_error', 'nobody', 'reference'),
        ('registered_call_timeout', 'platform_error', 'nobody', 'reference'),
        ('error_inbound_webhook', 'platform_error', 'nobody', 'reference'),
        ('manual_stopped', 'operator', null, 'reference'),
        ('call_take_over', 'operator', null, 'reference')
) as known (disconnection_reason, category, reached, source);
