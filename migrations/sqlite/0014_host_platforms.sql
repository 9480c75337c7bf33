-- The same schema as postgres/0014_host_platforms.sql, where all is explained.

ALTER TABLE hosts ADD COLUMN platforms TEXT;
