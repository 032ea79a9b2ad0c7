-- How fresh a readers' copy is. It is only there in the copy. A rerun replaces the view.
-- Grain: one row. Source: etl_published, calls.
create or replace view published as
select
    noted.published_at,
    noted.run_id,
    (select count(*) from calls) as calls,
    (select max(dated_at) from calls) as latest_call_at
from etl_published as noted;

comment on table etl_published is 'When this copy was made, and after which run; one row';
comment on column etl_published.published_at is 'When the copy was made (UTC)';
comment on column etl_published.run_id is 'The latest run whose calls are in the copy';
comment on view published is 'How fresh this copy is; one row';
comment on column published.published_at is 'When the copy was made (UTC)';
comment on column published.run_id is 'The latest run whose calls are in the copy';
comment on column published.calls is 'How many calls the copy holds';
comment on column published.latest_call_at is 'Moment of the latest call that has a date (UTC)';
