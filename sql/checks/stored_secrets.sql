-- No table holds an access token or a signed URL.
-- severity: fail
-- Grain: call × column that does. Source: calls. Reads only.
-- Names the column, never the value.
with suspects as (
    select call_id, 'extra' as column_name
    from calls
    where json_exists(extra, '$.access_token')
    union all
    select call_id, 'recording_url' as column_name
    from calls
    where regexp_matches(recording_url, '[?&]([Xx]-[Aa]mz-)?[Ss]ignature=')
)

select
    call_id,
    column_name
from suspects
order by call_id, column_name;
