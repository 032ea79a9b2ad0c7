-- Fills conversations from the staged payloads.
-- Grain: call with a turn. Source: staged_conversations. A rerun replaces the same rows.
delete from conversations
where call_id in (select call_id from replaced);

insert into conversations by name
select *
from staged_conversations;
