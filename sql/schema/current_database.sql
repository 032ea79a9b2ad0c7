-- The name under which this connection knows the warehouse.
-- Grain: one row. Source: the catalogue. Reads only.
select current_database() as name;
