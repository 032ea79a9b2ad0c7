-- A sentiment, told the same in whatever case it was sent: Positive, Negative, Neutral or Unknown.
-- Grain: scalar; null for null and for an empty text. Source: none. A rerun replaces the macro.
-- A value that is none of these, such as a newer one, stays as it is.
create or replace macro plain_sentiment(sentiment) as
case
    when sentiment in ('Positive', 'Negative', 'Neutral', 'Unknown') then sentiment
    when lower(trim(sentiment)) in ('positive', 'negative', 'neutral', 'unknown')
        then upper(trim(sentiment)[1]) || lower(trim(sentiment)[2:])
    else nullif(trim(sentiment), '')
end;
