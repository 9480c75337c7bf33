-- The same schema as postgres/0002_line.sql, where every column is explained.

ALTER TABLE builds
    ADD COLUMN priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9);
ALTER TABLE builds ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE builds ADD COLUMN queue_seconds INTEGER CHECK (queue_seconds > 0);
ALTER TABLE builds ADD COLUMN give_up_at TEXT;
ALTER TABLE builds ADD COLUMN obstacle TEXT;
ALTER TABLE builds ADD COLUMN supersede_key TEXT;
ALTER TABLE builds ADD COLUMN superseded_by BLOB;
ALTER TABLE builds ADD COLUMN traceparent TEXT;

DROP INDEX builds_in_line;
-- The status is in it again because SQLite would take another index for as good, and walk
-- through the line.
CREATE INDEX builds_in_line
    ON builds (status, COALESCE(platform, ''), priority, round, created_at, id, project)
    WHERE status = 'queued';
CREATE INDEX builds_by_round ON builds (project, priority, round) WHERE status = 'queued';
CREATE INDEX builds_by_give_up ON builds (give_up_at)
    WHERE status = 'queued' AND give_up_at IS NOT NULL;
CREATE INDEX builds_by_supersede_key ON builds (project, supersede_key)
    WHERE supersede_key IS NOT NULL AND finished_at IS NULL;
CREATE INDEX builds_by_retry_of ON builds (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX idempotency_keys_by_build ON idempotency_keys (build);
CREATE INDEX outbox_by_build ON outbox (build);

CREATE TABLE lines (
    priority INTEGER PRIMARY KEY CHECK (priority BETWEEN 0 AND 9),
    served INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO lines (priority) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);

CREATE TABLE projects (
    name TEXT PRIMARY KEY,
    max_running INTEGER CHECK (max_running > 0)
) STRICT;

CREATE TABLE supersede_keys (
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (project, key)
) STRICT;
CREATE INDEX supersede_keys_by_build ON supersede_keys (build);

CREATE TABLE push_turns (
    image TEXT PRIMARY KEY,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL
) STRICT;
CREATE INDEX push_turns_by_build ON push_turns (build);

CREATE TABLE host_probes (
    host TEXT NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    worker BLOB NOT NULL,
    problem TEXT,
    engine TEXT,
    probed_at TEXT NOT NULL,
    PRIMARY KEY (host, worker)
) STRICT;
