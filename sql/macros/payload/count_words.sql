-- How many words some turns have together, and how many turns have none: two lists of the same turns have the
-- same, however a turn is split around what happened in it.
-- Grain: scalar, a struct. Source: none. A rerun replaces the macro.
create or replace macro count_words(turns) as
{
    'words': coalesce(
        list_sum(list_transform(turns, lambda turn: coalesce(len(turn.words), 0))), 0
    ),
    'wordless_turns': len(
        list_filter(turns, lambda turn: coalesce(len(turn.words), 0) = 0)
    )
};
