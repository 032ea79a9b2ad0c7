-- What custom analysis found of each call, field by field, in a column for each type.
-- Grain: call_id × name. Source: call_analysis, calls.
-- Parameter: chosen, a condition on columns of calls, to answer for only some of them.
-- A name can have values of other types in other calls: each value is in the column of its own type, as
-- it was sent, and no query fails on it. A number that no double holds is null.
-- A list or an object is in text_value, as JSON. Of a name that stands twice in an object the first value
-- counts. A name may hold any character, so it is found by a JSON pointer, which escapes ~ and /.
-- A rerun replaces the macro; it holds no data.
create or replace macro custom_values(chosen := true) as table
with calls_of_day as (
    select *
    from calls_of_day(chosen := chosen)
),

named as (
    select
        call_analysis.call_id,
        calls_of_day.day,
        calls_of_day.agent_id,
        call_analysis.custom_analysis_data,
        unnest(list_distinct(json_keys(call_analysis.custom_analysis_data))) as name
    from call_analysis
    inner join calls_of_day
        on call_analysis.call_id = calls_of_day.call_id
),

found as (
    select
        *,
        custom_analysis_data
        -> ('/' || replace(replace(name, '~', '~0'), '/', '~1')) as found_value,
        case json_type(found_value)
            when 'VARCHAR' then 'text'
            when 'BOOLEAN' then 'flag'
            when 'ARRAY' then 'list'
            when 'OBJECT' then 'object'
            when 'NULL' then 'null'
            else 'number'
        end as type
    from named
)

select
    call_id,
    day,
    agent_id,
    name,
    type,
    case when type in ('text', 'list', 'object') then found_value ->> '$' end as text_value,
    case
        when type = 'number' and isfinite(try_cast(found_value as double))
            then try_cast(found_value as double)
    end as number_value,
    case when type = 'flag' then try_cast(found_value as boolean) end as flag_value
from found;
