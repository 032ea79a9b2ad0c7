-- Names of the fields of an object that the API is known to send and that land in `extra`.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
-- Variable: payload_fields, from the contract of payloads; null outside a load.
create or replace macro extra_fields(object_name) as
getvariable('payload_fields').in_extra[object_name];
