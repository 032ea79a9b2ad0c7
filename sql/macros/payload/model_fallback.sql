-- Which model took the place of which, by the metadata of a turn or a tool; null where none did.
-- Grain: scalar, a struct. Source: none. A rerun replaces the macro.
-- The text is looked through first, since nearly no metadata has such an object.
create or replace macro model_fallback(metadata) as
case
    when contains(cast(metadata as varchar), 'backup_model_used')
        then json_transform(
            json_extract(metadata, '$.backup_model_used'),
            '{
                "primary_model": "VARCHAR",
                "backup_model": "VARCHAR",
                "reason": "VARCHAR",
                "selection_latency_ms": "DOUBLE"
            }'
        )
end;
