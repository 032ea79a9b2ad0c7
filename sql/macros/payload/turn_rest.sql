-- What a turn of a transcript holds beyond its columns, and its words beyond theirs; null for nothing.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- Rests of words stand under `words` in the order of the words, null for a word without one.
create or replace macro turn_rest(turn) as
object_of(
    list_concat(
        entries_beyond(turn, stored_fields('turn')),
        if(
            not list_has_all(stored_fields('word'), flatten(json_keys(turn, '$.words[*]'))),
            [{
                'key': 'words',
                'value': to_json(
                    list_transform(
                        cast(turn -> '$.words' as json[]),
                        lambda word: rest_of(word, stored_fields('word'))
                    )
                )
            }],
            cast([] as struct("key" varchar, "value" json)[])
        )
    )
);
