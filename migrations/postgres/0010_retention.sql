-- How old builds are found. Only additions: a release that knows nothing of it goes on working
-- beside one that does. sqlite/0010_retention.sql is the same in SQLite's words: change both
-- together.

CREATE INDEX builds_by_end ON builds (finished_at) WHERE finished_at IS NOT NULL;
