-- Puts the recorded outcomes of ids that were left in the place of their earlier ones.
-- Grain: call id. Source: left_alone. Run in the transaction that read known_ids, since places change
-- after that.
delete from etl_outcomes
where rowid in (select place from left_alone);

insert into etl_outcomes by name
select * exclude (place)
from left_alone;
