-- Whether a JSON value says anything: neither nothing, nor an object without a member.
-- Grain: scalar, never null. Source: none. A rerun replaces the macro.
create or replace macro holds_something(value) as
case json_type(value)
    when 'OBJECT' then len(json_keys(value)) > 0
    when 'NULL' then false
    else value is not null
end;
