-- Fills call_analysis from the staged payloads.
-- Grain: analysed call; an empty analysis object is no row. Source: staged.
-- Where the source keeps some of it only without personal data, that fills what the other lacks.
-- A rerun replaces the same rows.
delete from call_analysis
where call_id in (select call_id from replaced);

insert into call_analysis by name
with analyses as (
    select
        call_id,
        call_analysis,
        case when holds_something(scrubbed_call_analysis) then scrubbed_call_analysis end
            as scrubbed,
        case
            when not holds_something(call_analysis) then scrubbed
            when json_type(scrubbed) = 'OBJECT'
                then json_merge_patch(scrubbed, without_nulls(call_analysis))
            else call_analysis
        end as merged
    from staged
),

analysed as (
    select
        call_id,
        read_as(merged, 'call_analysis') as analysis,
        rest_of(merged, stored_fields('call_analysis')) as extra,
        case
            when not holds_something(call_analysis) then 'scrubbed_call_analysis'
            when merged = call_analysis then 'call_analysis'
            when list_has_all(json_keys(without_nulls(call_analysis)), json_keys(merged))
                then 'call_analysis'
            else 'both'
        end as analysis_source
    from analyses
    where
        json_type(merged) = 'OBJECT'
        and len(json_keys(merged)) > 0
)

select
    call_id,
    analysis.*,
    extra,
    analysis_source
from analysed;
