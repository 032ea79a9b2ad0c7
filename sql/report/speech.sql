-- When each turn of some calls was spoken: its words, joined where less than 0.4 s lies between
-- them.
-- Grain: stretch of a turn. Source: words, utterances. Reads only. A word is timed as in
-- conversations: both times known, in order and within eleven days.
-- Parameter: $call_ids.
with timed as (
    select
        words.call_id,
        words.utterance_index,
        utterances.role,
        words.start_s,
        words.end_s,
        words.start_s - max(words.end_s) over so_far < 0.4 as goes_on
    from words
    inner join utterances
        on words.call_id = utterances.call_id
        and words.utterance_index = utterances.utterance_index
    where
        list_contains($call_ids, words.call_id)
        and words.start_s >= 0
        and words.end_s >= words.start_s
        and words.end_s < 1e6
        and words.is_spoken is distinct from false
    window so_far as (
        partition by words.call_id, words.utterance_index
        order by words.start_s asc nulls last, words.word_index asc nulls last
        rows between unbounded preceding and 1 preceding
    )
),

numbered as (
    select
        *,
        count(*) filter (where not coalesce(goes_on, false)) over (
            partition by call_id, utterance_index
            order by start_s asc nulls last, end_s asc nulls last
            rows unbounded preceding
        ) as stretch
    from timed
)

select
    call_id,
    utterance_index,
    any_value(role) as role,
    min(start_s) as start_s,
    max(end_s) as end_s
from numbered
group by
    call_id,
    utterance_index,
    stretch
order by
    call_id asc nulls last,
    start_s asc nulls last,
    utterance_index asc nulls last;
