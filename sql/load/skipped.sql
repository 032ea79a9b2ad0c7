-- Takes from what is staged the payloads that replace no rows: the warehouse has them, or newer ones.
-- Grain: call. Source: landed. A rerun takes nothing.
-- Staging cannot know them: what the warehouse holds is known when it is held.
create or replace temp table skipped_calls as
select staged.call_id
from staged
anti join (from landed where landed.action = 'replace') as replacing
    on staged.call_id = replacing.call_id;

delete from staged_conversations
where call_id in (select call_id from skipped_calls);

delete from staged_turns
where call_id in (select call_id from skipped_calls);

delete from staged_items
where call_id in (select call_id from skipped_calls);

delete from staged_latency
where call_id in (select call_id from skipped_calls);

delete from staged
where call_id in (select call_id from skipped_calls);
