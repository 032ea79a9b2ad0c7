-- Nobody speaks later than a minute after the end of the call.
-- severity: warn
-- Grain: call where someone does. Source: calls, utterances. Reads only.
-- Word times in milliseconds instead of seconds show here; a transferred leg explains a little.
with speech as (
    select
        call_id,
        max(end_s) as last_word_s
    from utterances
    group by call_id
)

select
    calls.call_id,
    speech.last_word_s,
    calls.duration_ms
from calls
inner join speech
    on calls.call_id = speech.call_id
where speech.last_word_s > calls.duration_ms / 1000 + 60
order by calls.call_id asc nulls last;
