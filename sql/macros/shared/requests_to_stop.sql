-- The calls in which a person asked for something else than the agent, and whether their number was
-- called again.
-- Grain: call that ended for the reason. Source: calls, call_analysis.
-- Parameter: reason, the disconnection reason that says what the person asked for.
-- A later call is an outbound one to the customer's number that is dated after this call, by any agent
-- and however it ended: to dial was the decision. Numbers are compared without the blanks, brackets,
-- dots and dashes that some are written with. Without a number, or a date, nobody can know: null.
-- A rerun replaces the macro; it holds no data. do_not_call_requests and callback_requests read it.
create or replace macro requests_to_stop(reason) as table
with requests as (
    select
        call_id,
        day,
        local_at,
        dated_at,
        agent_id,
        agent_name,
        agent_version,
        direction,
        case when direction = 'inbound' then from_number else to_number end as customer_number,
        regexp_replace(customer_number, '[\s().-]', '', 'g') as dialled_number
    from visible_calls() as calls
    where disconnection_reason = reason
),

dialled as (
    select
        dated_at,
        regexp_replace(to_number, '[\s().-]', '', 'g') as dialled_number
    from visible_calls() as calls
    where
        direction = 'outbound'
        and dated_at is not null
        and to_number is not null
),

called_again as (
    select
        requests.call_id,
        count(*) as later_calls,
        min(dialled.dated_at) as first_later_call_at
    from requests
    inner join dialled
        on requests.dialled_number = dialled.dialled_number
        and requests.dated_at < dialled.dated_at
    group by requests.call_id
)

select
    requests.call_id,
    requests.day,
    requests.local_at,
    requests.agent_id,
    requests.agent_name,
    requests.agent_version,
    requests.direction,
    requests.customer_number,
    analyses.call_summary,
    case
        when requests.customer_number is not null and requests.dated_at is not null
            then coalesce(called_again.later_calls, 0)
    end as later_calls,
    called_again.first_later_call_at
from requests
left join analyses_of_calls() as analyses
    on requests.call_id = analyses.call_id
left join called_again
    on requests.call_id = called_again.call_id;
