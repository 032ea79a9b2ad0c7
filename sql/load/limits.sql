-- Keeps time and memory of a load in proportion to its rows. A rerun sets the same.
--
-- Rows need no order while they are inserted, because every list keeps its positions in a column. And
-- estimates of how many rows a list holds are guesses: no join may loop over all pairs because of one.
set preserve_insertion_order = false;
set asof_loop_join_threshold = 0;
