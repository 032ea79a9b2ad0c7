"""What readers get: the readers' copy, the same as Parquet, and a server for many of them."""
