-- A JSON object as a struct of those of its fields that are stored, each with its type; null for null.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- Variable: payload_fields, from the contract of payloads; null outside a load.
create or replace macro read_as(object, object_name) as
json_transform(object, to_json(getvariable('payload_fields').types[object_name]));
