"""The database: its file and its lock, its tables, migrations and views, and the questions it answers."""
