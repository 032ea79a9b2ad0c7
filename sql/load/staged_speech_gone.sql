-- Gives back the memory of what has been worked out: words are most of what a load stages.
-- Source: staged_speech. A rerun does nothing.
drop table if exists staged_speech;
