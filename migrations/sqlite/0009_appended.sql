-- The same schema as postgres/0009_appended.sql, where every column is explained.

ALTER TABLE builds ADD COLUMN appended_at TEXT;
