-- Whether the chunks of this load tell anything of calls: not only that a run was given their ids.
-- Grain: one row. Source: answers. Reads only.
select bool_or(kind != 'given') as has_news
from answers;
