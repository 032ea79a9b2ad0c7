-- Lets the storing of results take two threads, where the warehouse's URL allows them. A rerun sets the same.
--
-- It comes at the end of a run, when nothing is extracted or loaded beside it, and looks through rows of all
-- calls that are held. Each thread has parts of the results in memory; from the third on they take more
-- processor time than they save.
set threads = least(current_setting('threads'), 2);
