-- The words of a turn are numbered 0, 1, 2, … without a gap or a repeat.
-- severity: fail
-- Grain: turn where they are not. Source: words. Reads only.
-- The sums of the positions and of their squares stand for a count of the distinct ones, which
-- takes ten times as long on many millions of words; a slip does not keep the sums of 0 to n - 1.
with counted as (
    select
        call_id,
        utterance_index,
        count(*) as words_found,
        min(word_index) as first_index,
        max(word_index) as last_index,
        sum(word_index) as index_sum,
        sum(cast(word_index as bigint) * word_index) as square_sum
    from words
    group by call_id, utterance_index
)

select
    call_id,
    utterance_index,
    words_found,
    first_index,
    last_index
from counted
where
    first_index <> 0
    or last_index <> words_found - 1
    or 2 * index_sum <> words_found * (words_found - 1)
    or 6 * square_sum <> words_found * (words_found - 1) * (2 * words_found - 1)
order by call_id asc nulls last, utterance_index asc nulls last;
