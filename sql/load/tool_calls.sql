-- Fills tool_calls from the staged payloads.
-- Grain: invocation. Source: staged_items. A rerun replaces the same rows.
-- A tool's result stands on its own in the list and is joined by tool_call_id: of an id that is used again
-- each invocation has the next result, in the order of the lists.
delete from tool_calls
where call_id in (select call_id from replaced);

insert into tool_calls by name
with invocations as (
    select
        *,
        read_as(item, 'tool_call_invocation') as invocation,
        model_fallback(json_extract(item, '$.metadata')) as fallback,
        row_number() over (
            partition by call_id
            order by phase_place asc nulls last, item_index asc nulls last
        ) - 1 as tool_call_index
    from staged_items
    where role = 'tool_call_invocation'
),

results as (
    select
        call_id,
        tool_call_id,
        use_number,
        at_s,
        item ->> '$.content' as result,
        try_cast(item ->> '$.successful' as boolean) as successful,
        rest_of(
            item,
            list_filter(
                stored_fields('tool_call_result'),
                lambda field: not (
                    (field = 'successful' and successful is null and (item ->> '$.successful') is not null)
                    or (field = 'time_sec' and at_s is null and (item ->> '$.time_sec') is not null)
                )
            )
        ) as rest
    from staged_items
    where role = 'tool_call_result'
)

select
    invocations.call_id,
    invocations.tool_call_index,
    invocation.* exclude (role, time_sec),
    results.result,
    results.successful,
    invocations.utterance_index,
    invocations.word_index,
    object_of(
        list_filter(
            [
                {
                    'key': 'invocation',
                    'value': rest_of(
                        invocations.item,
                        if(
                            invocations.at_s is null
                            and (invocations.item ->> '$.time_sec') is not null,
                            list_filter(
                                stored_fields('tool_call_invocation'),
                                lambda field: field != 'time_sec'
                            ),
                            stored_fields('tool_call_invocation')
                        )
                    )
                },
                {'key': 'result', 'value': results.rest}
            ],
            lambda entry: entry."value" is not null
        )
    ) as extra,
    invocations.phase,
    invocations.at_s as invoked_at_s,
    results.at_s as result_at_s,
    -- A result before its invocation says nothing of how long it took.
    case
        when results.at_s >= invocations.at_s
            then round((results.at_s - invocations.at_s) * 1000, 3)
    end as latency_ms,
    invocations.fallback.primary_model,
    invocations.fallback.backup_model,
    invocations.fallback.reason as fallback_reason,
    invocations.fallback.selection_latency_ms as fallback_latency_ms
from invocations
left join results
    on invocations.call_id = results.call_id
    and invocations.tool_call_id = results.tool_call_id
    and invocations.use_number = results.use_number;
