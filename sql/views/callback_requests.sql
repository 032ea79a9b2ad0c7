-- Who asked to be called at another time, and whether they were.
-- Grain: call that ended for the reason user_requested_callback.
-- Source: the macro requests_to_stop, which says what a later call is.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view callback_requests as
select
    call_id,
    day,
    local_at,
    agent_id,
    agent_name,
    agent_version,
    direction,
    customer_number,
    call_summary,
    later_calls,
    first_later_call_at
from requests_to_stop('user_requested_callback');

comment on view callback_requests is
    'Calls in which a person asked to be called at another time, and whether their number was';
comment on column callback_requests.later_calls is
    'Outbound calls to customer_number dated after this one, by any agent: 0 waits for its '
    'callback; null without a number or a date';
