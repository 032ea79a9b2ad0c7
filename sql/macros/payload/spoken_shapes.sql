-- Of items of which only role and words are known, those that were spoken.
-- Grain: scalar, a list of structs. Source: is_speech. A rerun replaces the macro.
create or replace macro spoken_shapes(shapes) as
list_filter(
    shapes,
    lambda shape: is_speech(shape.role, shape.words is not null)
);
