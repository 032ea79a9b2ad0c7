-- The columns of a table or view, in their order.
-- Grain: column. Source: the catalogue. Parameter: $name. Reads only.
select
    column_name,
    lower(data_type) as data_type,
    is_nullable,
    comment
from duckdb_columns()
where
    table_name = $name
    and not internal
order by column_index;
