-- Keeps time, memory and writing of a load in proportion to its rows. A rerun sets the same.
--
-- Rows need no order while they are inserted, because every list keeps its positions in a column. And
-- estimates of how many rows a list holds are guesses: no join may loop over all pairs because of one.
-- What is committed goes into the file at once: the file is closed after a load, and by way of the log
-- everything would be written twice.
set preserve_insertion_order = false;
set asof_loop_join_threshold = 0;
set checkpoint_threshold = '1KB';
