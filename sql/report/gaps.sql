-- When two spoke at once in some calls, and when nobody did for more than 2 s.
-- Grain: overlap of agent and user, or silence between first and last word. Source: words,
-- utterances. Reads only. The overlaps of a call add up to its overlap_s, its silences to its
-- long_silence_s. Words are swept in time: at each start and end the number of words of each party
-- changes.
-- Parameter: $call_ids.
with timed as (
    select
        words.call_id,
        if(utterances.role = 'agent', 1, 0) as agent,
        if(utterances.role = 'user', 1, 0) as user,
        words.start_s,
        words.end_s
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
),

spans as (
    select
        call_id,
        min(start_s) as first_word_s,
        max(end_s) as last_word_s
    from timed
    where agent + user > 0
    group by call_id
),

changes as (
    select
        call_id,
        unnest([
            {'at_s': start_s, 'agent': agent, 'user': user, 'any_party': 1},
            {'at_s': end_s, 'agent': -agent, 'user': -user, 'any_party': -1}
        ], recursive := true)
    from timed
),

-- All changes of one moment at once, so that a word that follows another leaves no gap.
moments as (
    select
        call_id,
        at_s,
        sum(sum(agent)) over so_far as agents,
        sum(sum(user)) over so_far as users,
        sum(sum(any_party)) over so_far as voices,
        lead(at_s) over (partition by call_id order by at_s asc nulls last) as until_s
    from changes
    group by
        call_id,
        at_s
    window so_far as (partition by call_id order by at_s asc nulls last rows unbounded preceding)
),

-- Moments at which the kind does not change belong to one stretch.
kinds as (
    select
        *,
        case
            when agents > 0 and users > 0 then 'overlap'
            when voices = 0 then 'silence'
            else 'speech'
        end as kind,
        kind is distinct from lag(kind) over (partition by call_id order by at_s asc nulls last)
            as begins
    from moments
    where until_s is not null
),

numbered as (
    select
        *,
        count(*) filter (where begins) over (
            partition by call_id order by at_s asc nulls last rows unbounded preceding
        ) as stretch
    from kinds
),

stretches as (
    select
        call_id,
        any_value(kind) as kind,
        min(at_s) as start_s,
        max(until_s) as end_s
    from numbered
    group by
        call_id,
        stretch
)

select
    stretches.call_id,
    stretches.kind,
    stretches.start_s,
    stretches.end_s
from stretches
inner join spans
    on stretches.call_id = spans.call_id
where
    stretches.kind = 'overlap'
    or (
        stretches.kind = 'silence'
        and stretches.end_s - stretches.start_s > 2
        and stretches.start_s >= spans.first_word_s
        and stretches.end_s <= spans.last_word_s
    )
order by
    stretches.call_id asc nulls last,
    stretches.start_s asc nulls last;
