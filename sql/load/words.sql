-- Fills words from the staged payloads.
-- Grain: word. Source: staged_words. A rerun replaces the same rows.
delete from words
where call_id in (select call_id from replaced);

insert into words by name
select
    call_id,
    utterance_index,
    word_index,
    word,
    start_s,
    end_s
from staged_words;
