-- Fills call_analysis from the staged payloads.
-- Grain: analysed call; an empty analysis object is no row. Source: staged.
-- A rerun replaces the same rows.
delete from call_analysis
where call_id in (select call_id from replaced);

insert into call_analysis by name
with analysed as (
    select
        call_id,
        read_as(call_analysis, 'call_analysis') as analysis,
        rest_of(call_analysis, stored_fields('call_analysis')) as extra
    from staged
    where len(json_keys(call_analysis)) > 0
)

select
    call_id,
    analysis.*,
    extra
from analysed;
