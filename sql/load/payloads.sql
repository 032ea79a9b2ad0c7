-- Which files the load reads: a view can have a variable, but no parameter.
-- Parameter: $payloads, paths of the payload files. A rerun sets the same.
set variable payloads = $payloads;
