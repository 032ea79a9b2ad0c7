-- Leaves what this connection writes in the write-ahead log when it is closed. A rerun sets the same.
-- To bring it into the file means to write down anew where all parts of all tables lie, however little
-- changed. Whoever opens the file next reads the log first.
pragma disable_checkpoint_on_shutdown;
