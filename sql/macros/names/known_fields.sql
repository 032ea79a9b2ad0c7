-- Names of the fields that the API is known to send in an object, such as a call or a word.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
-- Variable: payload_fields, from the contract of payloads; null outside a load.
create or replace macro known_fields(object_name) as
getvariable('payload_fields').known[object_name];
