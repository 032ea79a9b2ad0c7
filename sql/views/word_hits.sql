-- Every word that was spoken, as a term to search for, with its neighbours.
-- Grain: word. Source: words, calls. Ask for a term: where term = 'refund'.
-- The filter on term reaches the scan of the words, so that only hits meet their neighbours.
-- A word that was planned and never spoken (is_spoken is false) is no hit and no neighbour.
-- Words carry their blanks, or none, or some of both: between two words that bring no blank stands
-- one, also in languages that write none, and several become one.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view word_hits as
with hits as (
    select
        call_id,
        utterance_index,
        word_index,
        word,
        start_s,
        role,
        spoken_term(word) as term
    from words
    where is_spoken is distinct from false
),

contexts as (
    select
        hits.term,
        hits.call_id,
        hits.utterance_index,
        hits.word_index,
        hits.word,
        hits.start_s,
        hits.role,
        trim(
            regexp_replace(
                string_agg(near.word, ' ' order by near.word_index asc nulls last)
                    filter (where near.is_spoken is distinct from false),
                '[\s\p{Z}]+',
                ' ',
                'g'
            )
        ) as context
    from hits
    inner join words as near
        on hits.call_id = near.call_id
        and hits.utterance_index = near.utterance_index
        and near.word_index between hits.word_index - 5 and hits.word_index + 5
    group by all
)

select
    contexts.term,
    contexts.call_id,
    calls.agent_id,
    calls.dated_at as call_at,
    calls.started_at + to_microseconds(try_cast(round(contexts.start_s * 1e6) as bigint))
        as said_at,
    contexts.start_s,
    contexts.role,
    contexts.utterance_index,
    contexts.word_index,
    contexts.word,
    contexts.context
from contexts
inner join visible_calls() as calls
    on contexts.call_id = calls.call_id;

comment on view word_hits is
    'Every spoken word as a term to search for, with up to five neighbours on each side';
comment on column word_hits.term is
    'The word in lower case without blanks and punctuation around it: ask where term = ''refund''';
comment on column word_hits.call_at is
    'Moment of the call, UTC, as in calls.dated_at';
comment on column word_hits.said_at is
    'When the word was said, UTC; null where the word or the call has no start';
comment on column word_hits.start_s is 'Start of the word in seconds of call audio';
comment on column word_hits.utterance_index is 'Turn it was said in, from 0';
comment on column word_hits.word_index is 'Position of the word in its turn, from 0';
comment on column word_hits.context is
    'Up to five words before it, itself, and up to five after, within the turn, as they were said: '
    'with one blank between words';
