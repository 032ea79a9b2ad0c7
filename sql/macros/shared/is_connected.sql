-- Whether anybody, a person or a machine, was on the line.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- A call that has started is connected, unless its status or its reason says that nobody was reached:
-- v1 gives calls that nobody answered the status ended or error, and some of them a start.
create or replace macro is_connected(call_status, started_at, reason) as
    started_at is not null
    and call_status not in ('registered', 'not_connected')
    and not ends_before_connection(reason);
