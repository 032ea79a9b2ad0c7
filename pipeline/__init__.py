"""Retell calls into a DuckDB warehouse: a map of the package, in the order of a call.

cli         the commands (flows: the same runs on a Prefect server)
runs        one run's life: which ids, its plan, its record, its end
extract     fetches calls and lands them
retell      asks the Retell API; only this room speaks HTTP outward
payload     what a body may be: sound JSON, the API's contract, no secrets
landing     keeps raw payloads on disk: chunks, manifests, quarantine
receive     takes the events that the API sends, and lands them
load        turns landed chunks into rows
warehouse   the database: file and lock, tables, migrations, views, checks
publish     what readers get: the copy, Parquet, a server
report      draws the readers' copy as one HTML file (dictionary: what every column means)
doctor      looks for what keeps the rest from working
simulator   Retell's API with made-up calls, for demo and tests

config, sql, times, files, errors, log and process are used throughout. docs/architecture.md says which room
may use which.
"""

__version__ = "0.2.0"
