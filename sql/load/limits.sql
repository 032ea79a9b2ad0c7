-- Keeps the memory of a load flat: rows need no order while they are inserted, because every list keeps
-- its position in a column. A rerun sets the same.
set preserve_insertion_order = false;
