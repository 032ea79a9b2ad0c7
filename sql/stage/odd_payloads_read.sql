-- Reads payloads field by field, for what a read by known fields drops: fields without a column, and turns
-- that may have such fields.
-- Grain: call. Source: landed chunks, winners. A rerun adds the same rows again.
-- Parameter: $odd_payloads, paths of the payload files that are not known to be plain.
insert into odd_payloads by name
with objects as (
    select
        fields,
        fields['call_id'] ->> '$' as call_id,
        parse_filename(filename) as payload_file
    from
        read_json(
            $odd_payloads,
            format = 'newline_delimited',
            compression = 'zstd',
            records = false,
            filename = true,
            hive_partitioning = false,
            maximum_object_size = 33554432,
            columns = {fields: 'map(varchar, json)'}
        )
)

select
    objects.payload_file,
    objects.call_id,
    -- By their names first: most of a payload is its transcripts, which are not to be copied.
    list_transform(
        list_filter(
            map_keys(fields), lambda name: not list_contains(stored_fields('call'), name)
        ),
        lambda name: {'key': name, 'value': fields[name]}
    ) as unkept,
    case
        when not has_plain_speech and not is_plain_speech(fields['transcript_object'])
            then cast(fields['transcript_object'] as json[])
    end as odd_turns
from objects
inner join winners
    on objects.payload_file = winners.payload_file
    and objects.call_id = winners.call_id;
