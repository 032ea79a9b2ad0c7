-- Forgets which days have results that hold: what the views mean, or the tables they read, changed.
-- Grain: day. A rerun changes nothing.
delete from stored_days;
