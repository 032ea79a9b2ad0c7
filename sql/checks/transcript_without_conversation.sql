-- A call that has turns has its conversation measured.
-- severity: warn
-- Grain: call that has not. Source: utterances, conversations. Reads only.
-- Calls loaded before the pipeline measured conversations have none until `replay` loads them again.
select
    utterances.call_id,
    count(*) as turn_count
from utterances
anti join conversations
    on utterances.call_id = conversations.call_id
group by utterances.call_id
order by utterances.call_id asc nulls last;
