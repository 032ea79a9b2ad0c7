-- Fills utterances from the staged payloads.
-- Grain: turn. Source: staged. A rerun replaces the same rows.
delete from utterances
where call_id in (select call_id from replaced);

insert into utterances by name
with turns as (
    select
        call_id,
        unnest(transcript_object) as turn,
        unnest(odd_turns) as odd_turn,
        generate_subscripts(transcript_object, 1) - 1 as utterance_index
    from staged
    -- Two lists side by side give rows for the longer one, and a call without turns has none.
    where len(transcript_object) > 0
),

noted as (
    select
        *,
        model_fallback(turn.metadata) as fallback
    from turns
)

select
    call_id,
    utterance_index,
    turn.* exclude (words),
    list_filter(turn.words, lambda word: word."start" is not null and is_spoken(word."start", word."end"))[1]."start" as start_s,
    list_filter(turn.words, lambda word: word."end" is not null and is_spoken(word."start", word."end"))[-1]."end" as end_s,
    coalesce(len(turn.words), 0) as word_count,
    turn_rest(odd_turn) as extra,
    fallback.primary_model,
    fallback.backup_model,
    fallback.reason as fallback_reason,
    fallback.selection_latency_ms as fallback_latency_ms
from noted;
