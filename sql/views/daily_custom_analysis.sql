-- What custom analysis found, field by field, by day and agent.
-- Grain: day × agent_id × name, for names that a call has a value of.
-- Source: stored_daily_custom_analysis; for days that are not stored, the macro
-- custom_analysis_by_day, which says how each number is made. Both give the same numbers.
-- A rerun replaces the view and its comments; it holds no data.
create or replace view daily_custom_analysis as
select *
from stored_daily_custom_analysis
where day in (select day from stored_days)
union all by name
select *
from custom_analysis_by_day(
    chosen := coalesce(day not in (select day from stored_days), true)
);

comment on view daily_custom_analysis is
    'What custom analysis found, field by field, by day and agent';
comment on column daily_custom_analysis.name is 'Name of the field, as the agent defines it';
comment on column daily_custom_analysis.calls is
    'Calls with a value of it, of any type: neither null nor a blank text';
comment on column daily_custom_analysis.flag_calls is 'Those whose value is true or false';
comment on column daily_custom_analysis.true_calls is 'flag_calls whose value is true';
comment on column daily_custom_analysis.true_rate is
    'true_calls / flag_calls, 0 to 1; null without any';
comment on column daily_custom_analysis.number_calls is 'Those whose value is a number';
comment on column daily_custom_analysis.average_number is
    'Mean over number_calls; null without any';
comment on column daily_custom_analysis.text_calls is
    'Those whose value is a text, without blank ones';
comment on column daily_custom_analysis.distinct_texts is
    'Different texts among them, without blanks at their ends';
comment on column daily_custom_analysis.top_text is
    'Text that most of text_calls have; of equally many the first by alphabet';
comment on column daily_custom_analysis.top_text_calls is 'text_calls that have it';
comment on column daily_custom_analysis.top_text_rate is
    'top_text_calls / text_calls, 0 to 1; null without any';
