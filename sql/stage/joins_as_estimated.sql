-- Lets joins keep the side in memory that is estimated to be smaller, as usual. A rerun sets the same.
reset disabled_optimizers;
