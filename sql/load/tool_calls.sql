-- Fills tool_calls from the staged payloads.
-- Grain: invocation. Source: staged_items. A rerun replaces the same rows.
-- A tool's result stands on its own in the list and is joined by tool_call_id; the first one counts.
delete from tool_calls
where call_id in (select call_id from replaced);

insert into tool_calls by name
with invocations as (
    select
        *,
        read_as(item, 'tool_call_invocation') as invocation,
        row_number() over (partition by call_id order by item_index) - 1 as tool_call_index
    from staged_items
    where role = 'tool_call_invocation'
),

results as (
    select
        call_id,
        tool_call_id,
        item ->> '$.content' as result,
        try_cast(item ->> '$.successful' as boolean) as successful,
        rest_of(
            item,
            if(
                successful is null and (item ->> '$.successful') is not null,
                list_filter(stored_fields('tool_call_result'), lambda field: field != 'successful'),
                stored_fields('tool_call_result')
            )
        ) as rest
    from staged_items
    where role = 'tool_call_result'
    qualify row_number() over (partition by call_id, tool_call_id order by item_index) = 1
)

select
    invocations.call_id,
    invocations.tool_call_index,
    invocation.* exclude (role),
    results.result,
    results.successful,
    invocations.utterance_index,
    invocations.word_index,
    object_of(
        list_filter(
            [
                {
                    'key': 'invocation',
                    'value': rest_of(invocations.item, stored_fields('tool_call_invocation'))
                },
                {'key': 'result', 'value': results.rest}
            ],
            lambda entry: entry."value" is not null
        )
    ) as extra
from invocations
left join results
    on invocations.call_id = results.call_id
    and invocations.tool_call_id = results.tool_call_id;
