-- The agents that calls name, as their payloads say.
-- Grain: agent_id. Source: calls. Calls that name no agent share a row.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view agents as
select
    agent_id,
    first(
        agent_name
        order by dated_at desc nulls last, call_id desc nulls last
    ) filter (where agent_name is not null) as agent_name,
    count(distinct agent_version) as versions,
    count(*) as calls,
    min(dated_at) as first_call_at,
    max(dated_at) as last_call_at
from visible_calls() as calls
group by agent_id;

comment on view agents is 'The agents that calls name, as their payloads say';
comment on column agents.agent_name is 'Its name in its newest call that says one; null without any';
comment on column agents.versions is 'Versions that its calls name; 0 where none does, as in v1';
comment on column agents.first_call_at is
    'Moment of its first call, UTC; null where no call has a date';
comment on column agents.last_call_at is
    'Moment of its newest call, UTC; null where no call has a date';
