-- Serve the copy in the folder `first`; queries under way finish on the one before. ~ is the server's own folder.
-- A rerun does nothing: DuckDB keeps a database whose path stays the same, hence two folders in turn.
attach or replace '~/first/analytics.duckdb' as analytics (read_only);
