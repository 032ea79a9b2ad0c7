-- Move everything from the write-ahead log into the database file, so that the file alone is whole.
checkpoint;
