-- The turns of a call are numbered 0, 1, 2, … without a gap or a repeat.
-- severity: fail
-- Grain: call where they are not. Source: utterances. Reads only.
select
    call_id,
    count(*) as turn_count,
    count(distinct utterance_index) as distinct_count,
    min(utterance_index) as first_index,
    max(utterance_index) as last_index
from utterances
group by call_id
having
    first_index <> 0
    or last_index <> turn_count - 1
    or distinct_count <> turn_count
order by call_id asc nulls last;
