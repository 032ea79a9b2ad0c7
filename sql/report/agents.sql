-- The agents of all calls, the busiest first, each with the name it had last.
-- Grain: agent_id, without calls that name none. Source: calls. Reads only.
select
    agent_id,
    arg_max(agent_name, coalesce(started_at, first_seen_at)) as agent_name,
    count(*) as calls
from visible_calls() as calls
where agent_id is not null
group by agent_id
order by
    calls desc nulls last,
    agent_id asc nulls last;
