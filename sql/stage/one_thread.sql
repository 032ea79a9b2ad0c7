-- Lets a load take one thread. A rerun sets the same.
--
-- Its payloads are too few rows to be shared out among threads: more of them cost processor time, which
-- extraction needs, and each holds the texts of a whole chunk in memory.
set threads = 1;
