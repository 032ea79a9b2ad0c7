-- Attach the database of the macro that judges queries; ~ is the server's own folder. Runs once.
attach '~/guard.duckdb' as guard (read_only);
