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
        json_merge_patch(
            call_analysis,
            '{
                "call_summary": null, "user_sentiment": null, "agent_sentiment": null,
                "agent_task_completion_rating": null,
                "agent_task_completion_rating_reason": null,
                "call_completion_rating": null, "call_completion_rating_reason": null,
                "call_successful": null, "in_voicemail": null, "custom_analysis_data": null
            }'
        ) as rest
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
    case when len(json_keys(rest)) > 0 then rest end as extra
from analysed;
