"""One run's life: which ids it asks for, its record and its report, and how it ends.

`run` fetches (for `backfill` and `sync`), `offline` needs no network (`replay` tries quarantine again).
"""
