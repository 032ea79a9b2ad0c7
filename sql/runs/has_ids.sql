-- Whether the ledger of ids has any.
-- Grain: one row. Source: etl_outcomes. Reads only.
select exists (from etl_outcomes);
