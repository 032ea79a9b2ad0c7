-- Every disconnection reason has a category.
-- severity: warn
-- Grain: call whose reason has none. Source: calls, disconnection_category. Reads only.
-- A reason newer than this list: it is stored and counted, under the category unknown. An empty
-- or blank reason is none.
select
    call_id,
    disconnection_reason
from calls
where disconnection_category(nullif(trim(disconnection_reason), '')) = 'unknown'
order by call_id asc nulls last;
