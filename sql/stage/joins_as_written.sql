-- Lets joins keep the side on the right in memory, as they are written. A rerun sets the same.
-- How many payloads a file holds is guessed, and a wrong guess would keep all of them in memory.
set disabled_optimizers = 'build_side_probe_side';
