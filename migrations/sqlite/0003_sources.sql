-- The same schema as postgres/0003_sources.sql, where every column is explained.

ALTER TABLE builds ADD COLUMN source_commit TEXT;
