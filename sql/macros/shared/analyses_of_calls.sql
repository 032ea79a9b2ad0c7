-- The analyses of calls, with sentiments and ratings that mean the same told the same.
-- Grain: call with an analysis. Source: call_analysis, which keeps what was sent.
-- Columns are replaced one at a time, as visible_calls explains.
-- A rerun replaces the macro; it holds no data.
create or replace macro analyses_of_calls() as table
select * replace (plain_sentiment(user_sentiment) as user_sentiment)
from (
    select * replace (plain_sentiment(agent_sentiment) as agent_sentiment)
    from (
        select
            * replace (nullif(agent_task_completion_rating, '') as agent_task_completion_rating)
        from (
            select * replace (nullif(call_completion_rating, '') as call_completion_rating)
            from call_analysis
        )
    )
);
