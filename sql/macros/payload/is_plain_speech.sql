-- Whether a turn, or a list of turns, surely holds nothing beyond its columns: a quick test of its text.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- False only means that somebody has to look: on a text with spaces, or with objects in its metadata, it
-- is false too. Going through the keys of every word takes several times as long as this expression does.
create or replace macro is_plain_speech(json_text) as
regexp_full_match(
    json_text,
    '\[?(?:\{(?:'
    || '"(?:'
    || array_to_string(stored_fields('turn'), '|')
    || ')":(?:"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null),?|'
    || '"words":(?:null|\[(?:\{(?:"(?:'
    || array_to_string(stored_fields('word'), '|')
    || ')":(?:"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null),?)*\},?)*\]),?|'
    || '"metadata":(?:null|\{(?:"(?:'
    || array_to_string(known_fields('turn_metadata'), '|')
    || ')":(?:"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null),?)*\}),?'
    || ')*\},?)*\]?',
    's'
);
