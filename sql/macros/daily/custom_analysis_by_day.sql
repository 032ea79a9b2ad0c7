-- What custom analysis found, field by field, by day and agent.
-- Grain: day × agent_id × name, for names that a call has a value of.
-- Source: the macro custom_values, which says what type a value has.
-- Each number is over the values of its type: where calls disagree on the type of a name, all are there.
-- A null and a blank text are no value: analysis sends them where it found none.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A rerun replaces the macro; it holds no data. daily_custom_analysis reads it.
create or replace macro custom_analysis_by_day(chosen := true) as table
with found as (
    select
        day,
        agent_id,
        name,
        type,
        case when type = 'text' then trim(text_value) end as text_found,
        number_value,
        flag_value
    from custom_values(chosen := chosen)
    where
        type != 'null'
        and not (type = 'text' and trim(text_value) = '')
),

counted as (
    select
        day,
        agent_id,
        name,
        count(*) as calls,
        count(flag_value) as flag_calls,
        count(*) filter (where flag_value) as true_calls,
        count(number_value) as number_calls,
        favg(number_value) as average_number,
        count(text_found) as text_calls
    from found
    group by day, agent_id, name
),

texts as (
    select
        day,
        agent_id,
        name,
        text_found,
        count(*) as text_calls
    from found
    where text_found is not null
    group by day, agent_id, name, text_found
),

top_texts as (
    select
        day,
        agent_id,
        name,
        count(*) as distinct_texts,
        first(text_found order by text_calls desc nulls last, text_found asc nulls last)
            as top_text,
        max(text_calls) as top_text_calls
    from texts
    group by day, agent_id, name
)

select
    counted.day,
    counted.agent_id,
    counted.name,
    counted.calls,
    counted.flag_calls,
    counted.true_calls,
    cast(counted.true_calls as double) / nullif(counted.flag_calls, 0) as true_rate,
    counted.number_calls,
    counted.average_number,
    counted.text_calls,
    coalesce(top_texts.distinct_texts, 0) as distinct_texts,
    top_texts.top_text,
    coalesce(top_texts.top_text_calls, 0) as top_text_calls,
    cast(top_texts.top_text_calls as double) / nullif(counted.text_calls, 0) as top_text_rate
from counted
left join top_texts
    on counted.day is not distinct from top_texts.day
    and counted.agent_id is not distinct from top_texts.agent_id
    and counted.name = top_texts.name;
