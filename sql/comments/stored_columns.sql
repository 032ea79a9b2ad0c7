-- What a column of a stored result means: what it means in the view whose results are stored.
-- Grain: column of a table of results. Source: the catalogue, once views have their comments.
-- Reads only: the statement that sets a comment takes no parameters.
select
    stored.table_name,
    stored.column_name,
    shown.comment
from duckdb_columns() as stored
inner join duckdb_columns() as shown
    on stored.database_name = shown.database_name
    and stored.table_name = 'stored_' || shown.table_name
    and stored.column_name = shown.column_name
where stored.database_name = current_database()
order by stored.table_name asc nulls last, stored.column_index asc nulls last;
