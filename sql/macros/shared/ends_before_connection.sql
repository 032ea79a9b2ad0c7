-- Whether a disconnection reason means that nobody was ever on the line.
-- Grain: scalar. Source: none; the reasons are the API's. A rerun replaces the macro.
-- All that were not reached, and those whose call ended before it began.
create or replace macro ends_before_connection(reason) as
    coalesce(
        reason in (
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
            'registered_call_timeout',
            'error_user_not_joined',
            'error_inbound_webhook'
        ),
        false
    );
