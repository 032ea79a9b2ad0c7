-- A step of a JSON path to a member: .name, or in brackets and quotes where the name is no plain one.
-- Grain: scalar. Source: none. A rerun replaces the macro.
create or replace macro json_path_step(name) as
if(
    regexp_full_match(name, '[A-Za-z_][A-Za-z0-9_]*'),
    '.' || name,
    '[' || cast(to_json(name) as varchar) || ']'
);
