-- A word does not end before it starts.
-- severity: fail
-- Grain: word that does. Source: words. Reads only.
select
    call_id,
    utterance_index,
    word_index,
    start_s,
    end_s
from words
where end_s < start_s
order by call_id asc nulls last, utterance_index asc nulls last, word_index asc nulls last;
