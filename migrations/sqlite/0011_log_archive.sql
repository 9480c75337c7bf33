-- The same schema as postgres/0011_log_archive.sql, where all is explained.

ALTER TABLE builds ADD COLUMN log_moved_at TEXT;
CREATE INDEX builds_with_events ON builds (finished_at)
    WHERE finished_at IS NOT NULL AND log_moved_at IS NULL;

CREATE TABLE log_blobs (
    id BLOB PRIMARY KEY,
    build BLOB REFERENCES builds (id) ON DELETE SET NULL,
    held_until TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_blobs_by_build ON log_blobs (build);
CREATE INDEX log_blobs_of_nobody ON log_blobs (held_until) WHERE build IS NULL;

CREATE TABLE log_frames (
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL CHECK (last_seq >= first_seq),
    start INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    plain_bytes INTEGER NOT NULL CHECK (plain_bytes > 0),
    has_state INTEGER NOT NULL,
    PRIMARY KEY (build, last_seq)
) STRICT;
