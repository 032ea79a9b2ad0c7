-- What the contract of payloads says of their fields: names known, names stored, types.
-- Grain: one struct, by object. Source: none. A rerun sets the same.
-- Parameter: $payload_fields, made by pipeline/load/payload_fields.py.
set variable payload_fields = $payload_fields;
