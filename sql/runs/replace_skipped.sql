-- Puts the recorded outcomes of ids that were left in the place of their earlier ones.
-- Grain: call id. Source: left_alone. A rerun replaces the same rows.
delete from etl_outcomes
where call_id in (select call_id from left_alone);

insert into etl_outcomes by name
select *
from left_alone;
