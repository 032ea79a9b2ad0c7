-- Who asked never to be called again, and whether they were called all the same.
-- Grain: call that ended for the reason user_requested_dnc.
-- Source: the macro requests_to_stop, which says what a later call is.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view do_not_call_requests as
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
from requests_to_stop('user_requested_dnc');

comment on view do_not_call_requests is
    'Calls in which a person asked never to be called again, and whether their number was';
comment on column do_not_call_requests.later_calls is
    'Outbound calls to customer_number dated after this one, by any agent: none may be; null '
    'without a number or a date';
