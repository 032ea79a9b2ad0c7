"""One run's life: which ids it asks for, its record and its report, and how it ends.

`run` is the life of every run. `fetch` adds fetching (for `backfill` and `sync`), `offline` needs no network
(`replay` retries the quarantine). `maintenance` has the work that is no run.
"""
