-- The agents of all calls, the busiest first, each with the name it had last.
-- Grain: agent_id, without calls that name none. Source: agents. Reads only.
select
    agent_id,
    agent_name,
    calls
from agents
where agent_id is not null
order by
    calls desc nulls last,
    agent_id asc nulls last;
