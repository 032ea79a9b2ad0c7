-- The versions of each agent that calls name, as their payloads say.
-- Grain: agent_id × agent_version. Source: calls. Calls of an agent that name no version share a row.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view agent_versions as
select
    agent_id,
    agent_version,
    first(
        agent_name
        order by dated_at desc nulls last, call_id desc nulls last
    ) filter (where agent_name is not null) as agent_name,
    first(
        agent_tag
        order by dated_at desc nulls last, call_id desc nulls last
    ) filter (where agent_tag is not null) as agent_tag,
    count(*) as calls,
    min(dated_at) as first_call_at,
    max(dated_at) as last_call_at
from visible_calls() as calls
group by agent_id, agent_version;

comment on view agent_versions is
    'The versions of each agent that calls name, as their payloads say';
comment on column agent_versions.agent_version is
    'Agent''s version, 3 also where a payload says 3.0; null where calls name none';
comment on column agent_versions.agent_name is
    'Agent''s name in the newest call of the version that says one; null without any';
comment on column agent_versions.agent_tag is
    'Tag in the newest call of the version that says one, such as prod; null without any';
comment on column agent_versions.first_call_at is
    'Moment of the version''s first call, UTC; null where no call has a date';
comment on column agent_versions.last_call_at is
    'Moment of the version''s newest call, UTC; null where no call has a date';
