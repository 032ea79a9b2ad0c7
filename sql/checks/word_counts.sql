-- The word_count of a turn is the number of its words, and words have a turn.
-- severity: fail
-- Grain: turn where it is not. Source: utterances, words. Reads only.
with counted as (
    select
        call_id,
        utterance_index,
        count(*) as words_found
    from words
    group by call_id, utterance_index
)

select
    coalesce(utterances.call_id, counted.call_id) as call_id,
    coalesce(utterances.utterance_index, counted.utterance_index) as utterance_index,
    utterances.word_count,
    coalesce(counted.words_found, 0) as words_found
from utterances
full join counted
    on utterances.call_id = counted.call_id
    and utterances.utterance_index = counted.utterance_index
where utterances.word_count is distinct from coalesce(counted.words_found, 0)
order by call_id asc nulls last, utterance_index asc nulls last;
