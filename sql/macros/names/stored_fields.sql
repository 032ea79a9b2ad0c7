-- Names of the fields of an object that have a column or a table; every other one lands in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
-- Variable: payload_fields, from the contract of payloads; null outside a load.
create or replace macro stored_fields(object_name) as
getvariable('payload_fields').stored[object_name];
