"""Retell calls into a DuckDB warehouse: a map of the package, in the order data flows.

ids         what was asked for (call_id: what an id looks like)
plan        which of it to fetch
client      asks the API (retry, outage, pace, origin, body, answer: how often, how fast, where, how much)
validate    may this payload be landed (payloads: the API's contract; strict_json: sound JSON; outline: fast)
landing     chunks and quarantine (payload_file: the compressed lines; durable: whole or not at all;
            leftovers, repair: after crash or damage; plain: what the load need not look for)
extract     client → validate → landing
load        chunks become rows (loader: while extraction goes on; backlog: which, at once; staging: in memory)
tables      what the rows are (columns: what a column may be)
schema      migrations and views (migration: what Alembic does)
results     what the heavy views answer, stored by day
warehouse   who may open the file, and when (refusals: what DuckDB says where it cannot)
publish     the copy that readers open (filecopy, queue: how files are copied, and waited for)
compact     the file, without the room that nothing uses
serve       the copy, for many readers over the network
dictionary  what every table, view and column means (diagram: how they join)
reports     questions to the warehouse (checks: what must hold)
report      what it says as charts, in one HTML file
replay      quarantined payloads, tried again
runs        a run, its record and its report (ending: what happens last)
fetching    one run that fetches, whatever it was asked for
backfill    what to fetch: known ids, or calls that are not final (sync: calls that are new)
session     what the commands share
batches     what a run fetches, in parts that are extracted side by side
doctor      what keeps all of that from working (client.probe: one request)
flows       the same runs for a Prefect server (tasks: their stages; markdown: their reports; slot: one load
            at a time)
cli         the commands (render, console: for people; demo, simulator: without an account)
log         what happens, as events with facts
config, errors, sql    used throughout
"""

__version__ = "0.1.0"
