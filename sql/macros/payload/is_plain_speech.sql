-- Whether a turn, or a list of turns, surely holds nothing beyond its columns: a quick test of its text.
-- Grain: scalar. Source: none. A rerun replaces the macro.
-- False only means that somebody has to look: on a text with spaces, or with rare metadata, it is
-- false too. Going through the keys of every word takes several times as long as this expression does.
create or replace macro is_plain_speech(json_text) as
regexp_full_match(
    json_text,
    '\[?(?:\{(?:'
    || '"(?:role|content)":(?:"(?:[^"\\]|\\.)*"|null),?|'
    || '"words":(?:null|\[(?:\{(?:"(?:word|start|end)":'
    || '(?:"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|null),?)*\},?)*\]),?|'
    || '"metadata":(?:null|\{(?:"(?:response_id|interrupt_id|is_backchannel)":'
    || '(?:[-+.0-9eE]+|true|false|null),?)*\}),?'
    || ')*\},?)*\]?',
    's'
);
