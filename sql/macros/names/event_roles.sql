-- The roles of the items of a transcript that are known to be neither speech nor a tool's.
-- Grain: scalar, a list of names. Source: none. A rerun replaces the macro.
create or replace macro event_roles() as
['node_transition', 'dtmf', 'sms', 'injected'];
