-- Fills call_analysis from the staged payloads.
-- Grain: analysed call; an empty analysis object is no row. Source: staged.
-- A rerun replaces the same rows.
delete from call_analysis
where call_id in (select call_id from replaced);

insert into call_analysis by name
with analysed as (
    select
        call_id,
        call_analysis as analysis,
        rest_of(call_analysis, kept_in_call_analysis()) as rest
    from staged
    where len(json_keys(call_analysis)) > 0
)

select
    call_id,
    analysis ->> '$.call_summary' as call_summary,
    analysis ->> '$.user_sentiment' as user_sentiment,
    analysis ->> '$.agent_sentiment' as agent_sentiment,
    analysis ->> '$.agent_task_completion_rating' as agent_task_completion_rating,
    analysis ->> '$.agent_task_completion_rating_reason' as agent_task_completion_rating_reason,
    analysis ->> '$.call_completion_rating' as call_completion_rating,
    analysis ->> '$.call_completion_rating_reason' as call_completion_rating_reason,
    cast(analysis ->> '$.call_successful' as boolean) as call_successful,
    cast(analysis ->> '$.in_voicemail' as boolean) as in_voicemail,
    nullif(analysis -> '$.custom_analysis_data', 'null') as custom_analysis_data,
    rest as extra
from analysed;
