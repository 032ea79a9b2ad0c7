-- How often every term was said, by role.
-- Grain: role × term. Source: words. A word of punctuation only is no term, and one that was
-- planned and never spoken (is_spoken is false) was not said.
-- Words are counted as they stand before they are turned into terms: there are far fewer.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view top_words as
with said as (
    select
        role,
        word,
        count(*) as uses
    from words
    anti join hidden_calls() as hidden
        on words.call_id = hidden.hidden_call_id
    where words.is_spoken is distinct from false
    group by role, word
)

select
    role,
    spoken_term(word) as term,
    cast(sum(uses) as bigint) as uses,
    sum(uses) / sum(sum(uses)) over (partition by role) as share,
    rank() over (partition by role order by sum(uses) desc nulls last) as use_rank
from said
group by role, term
-- An aggregate, so that the words are turned into terms after they are counted.
having length(any_value(spoken_term(word))) > 0;

comment on view top_words is 'How often every term was said, by role';
comment on column top_words.term is 'Word in lower case without blanks and punctuation around it';
comment on column top_words.uses is 'How often it was said';
comment on column top_words.share is 'Share of the role''s terms, 0 to 1';
comment on column top_words.use_rank is
    '1 for the term the role uses most; equal uses share a rank';
