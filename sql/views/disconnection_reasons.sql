-- Every disconnection reason with its category: documented ones, and those that calls bring.
-- Grain: disconnection_reason; calls that are over without one share the row whose reason is null.
-- Source: calls that are neither registered nor ongoing; the macro disconnection_category.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view disconnection_reasons as
with documented as (
    select unnest([
        'user_hangup',
        'agent_hangup',
        'call_transfer',
        'transfer_bridged',
        'transfer_cancelled',
        'voicemail_reached',
        'ivr_reached',
        'machine_detected',
        'inactivity',
        'max_duration_reached',
        'dial_busy',
        'dial_failed',
        'dial_no_answer',
        'invalid_destination',
        'telephony_provider_permission_denied',
        'telephony_provider_unavailable',
        'sip_routing_error',
        'marked_as_spam',
        'user_declined',
        'concurrency_limit_reached',
        'no_concurrency_fallback',
        'no_valid_payment',
        'scam_detected',
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
        'error_inbound_webhook',
        'manual_stopped',
        'call_take_over'
    ]) as disconnection_reason
),

counted as (
    select
        disconnection_reason,
        count(*) as calls
    from calls
    where call_status not in ('registered', 'ongoing')
    group by disconnection_reason
)

select
    coalesce(documented.disconnection_reason, counted.disconnection_reason)
        as disconnection_reason,
    disconnection_category(
        coalesce(documented.disconnection_reason, counted.disconnection_reason)
    ) as category,
    ends_before_connection(coalesce(documented.disconnection_reason, counted.disconnection_reason))
        as is_before_connection,
    documented.disconnection_reason is not null as is_documented,
    coalesce(counted.calls, 0) as calls
from documented
full join counted
    on documented.disconnection_reason = counted.disconnection_reason;

comment on view disconnection_reasons is
    'Every disconnection reason with its category: documented ones and any other that a call '
    'brought';
comment on column disconnection_reasons.disconnection_reason is
    'Reason as the API sends it; null for calls without one';
comment on column disconnection_reasons.category is
    'completed, transferred, automated_answer, timeout, not_connected, capacity_or_account, '
    'platform_error, operator, none (no reason) or unknown (not documented)';
comment on column disconnection_reasons.is_before_connection is
    'Whether it means that nobody was ever on the line: such calls are not connected';
comment on column disconnection_reasons.is_documented is
    'Whether the API documents the reason; what it does not is kept, as unknown';
comment on column disconnection_reasons.calls is
    'Calls that are over and ended for this reason; 0 where none did';
