-- What of a warehouse may want a person: payloads still in quarantine, and when it was loaded into last.
-- Grain: one row. Source: etl_rejects, etl_chunks. Reads only.
select
    (select count(*) from etl_rejects where resolved_at is null) as open_rejects,
    (select max(loaded_at) from etl_chunks) as loaded_at;
