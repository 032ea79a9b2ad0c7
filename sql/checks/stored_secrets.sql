-- No table holds an access token or a signed URL.
-- severity: fail
-- Grain: call × column that does. Source: calls. Reads only.
-- Names the column, never the value.
with urls as (
    unpivot (
        select
            call_id,
            recording_url,
            recording_multi_channel_url,
            scrubbed_recording_url,
            scrubbed_recording_multi_channel_url,
            public_log_url,
            knowledge_base_retrieved_contents_url
        from calls
    )
    on columns(* exclude (call_id))
    into name column_name value url
),

suspects as (
    select call_id, 'extra' as column_name
    from calls
    where json_exists(extra, '$.access_token')
    union all
    select call_id, column_name
    from urls
    where regexp_matches(url, '[?&]([Xx]-[Aa]mz-)?[Ss]ignature=')
)

select
    call_id,
    column_name
from suspects
order by call_id asc nulls last, column_name asc nulls last;
