-- What custom analysis found of each call, field by field.
-- Grain: call_id × name. Source: the macro custom_values, which says what type a value has.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view custom_analysis_values as
select
    call_id,
    day,
    agent_id,
    name,
    type,
    text_value,
    number_value,
    flag_value
from custom_values();

comment on view custom_analysis_values is
    'What custom analysis found of each call, field by field, in a column for each type';
comment on column custom_analysis_values.name is
    'Name of the field of custom_analysis_data, as sent';
comment on column custom_analysis_values.type is
    'Type of its value in this call: text, number, flag, list, object or null';
comment on column custom_analysis_values.text_value is
    'The value, where it is a text; a list or an object as JSON; else null';
comment on column custom_analysis_values.number_value is 'The value, where it is a number; else null';
comment on column custom_analysis_values.flag_value is
    'The value, where it is true or false; else null';
