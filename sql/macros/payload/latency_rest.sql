-- What a latency metric holds beyond its columns; null for nothing.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- A value that is no summary is kept whole, and so is a number of samples that no bigint holds.
create or replace macro latency_rest(stats) as
case json_type(stats)
    when 'OBJECT'
        then rest_of(
            stats,
            if(
                (stats ->> '$.num') is null
                or whole_number(try_cast((stats ->> '$.num') as double)) is not null,
                stored_fields('latency'),
                list_filter(stored_fields('latency'), lambda summary_name: summary_name != 'num')
            )
        )
    when 'NULL' then null
    else stats
end;
