-- The calls that views speak of, with values that mean the same told the same.
-- Grain: call. Source: calls. A rerun replaces the macro; it holds no data.
-- A call that is deleted at its source is left out where PIPELINE_DELETED says so.
--
-- The table keeps what was sent. Here an empty or blank reason is none, a version is the same as a
-- number and as text, and a call that ends before it starts has no duration: nothing is averaged
-- over it, and checks name it.
--
-- One column is replaced at a time: DuckDB keeps several in no fixed order, and a compacted
-- warehouse would then be spelled otherwise than the former one.
create or replace macro visible_calls() as table
select * replace (nullif(trim(disconnection_reason), '') as disconnection_reason)
from (
    select * replace (plain_version(agent_version) as agent_version)
    from (
        select
            * replace (
                case
                    when duration_ms >= 0 and coalesce(ended_at >= started_at, true)
                        then duration_ms
                end as duration_ms
            )
        from calls
        where not is_hidden
    )
);
