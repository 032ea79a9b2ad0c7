-- Decides whether a client of `serve` may have its query executed: a question, or the frame of a transaction.
-- Grain: one boolean. Parameters: session (unused) and asked, the text of the query. Reads only.
-- Quack calls it for every query, and takes an error for a no. The server's database is read-only anyway; but
-- functions in a from clause can do what no read-only database prevents: stop the server, start another one
-- that everybody reaches, write logs. So those are named that may be used there.
create macro is_question(session, asked) as (
    regexp_full_match(
        asked::varchar,
        '\s*(begin|commit|rollback)(\s+transaction)?\s*;?\s*',
        'i'
    )
    or (
        -- What stands behind a character 0 is not judged by all who read the text.
        not contains(asked::varchar, chr(0))
        -- Only selects are serialized; of anything else there is an error instead of a tree.
        and not (json_serialize_sql(asked::varchar) ->> '$.error')::boolean
        and not exists (
            select 1
            from json_tree(json_serialize_sql(asked::varchar)) as node
            where
                node.key = 'function'
                and coalesce(lower(node.value ->> '$.function_name'), '') not in (
                    'duckdb_columns',
                    'duckdb_constraints',
                    'duckdb_databases',
                    'duckdb_functions',
                    'duckdb_indexes',
                    'duckdb_keywords',
                    'duckdb_schemas',
                    'duckdb_tables',
                    'duckdb_types',
                    'duckdb_views',
                    'generate_series',
                    'json_each',
                    'json_tree',
                    'range',
                    'unnest'
                )
        )
    )
);
