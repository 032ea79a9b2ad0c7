-- What payloads hold that a read by known fields drops: filled by odd_payloads_read where there are any.
-- Grain: call. Source: none. A rerun replaces the temporary table.
create or replace temp table odd_payloads (
    payload_file varchar,
    call_id varchar,
    unkept struct("key" varchar, "value" json)[],
    odd_turns json[]
);
