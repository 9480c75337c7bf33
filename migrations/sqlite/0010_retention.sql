-- The same schema as postgres/0010_retention.sql, where all is explained.

CREATE INDEX builds_by_end ON builds (finished_at) WHERE finished_at IS NOT NULL;
