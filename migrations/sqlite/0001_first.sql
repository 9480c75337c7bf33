-- The state of record. Every station of a build reads and writes rows here and rings
-- for the next one; nothing that must survive a process is kept anywhere else.
-- postgres/0001_first.sql is the same schema in PostgreSQL's words and explains each
-- column: change both together. Ids are 16-byte blobs, times RFC 3339 text in UTC.

CREATE TABLE uploads (
    id BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL
) STRICT;
CREATE INDEX uploads_by_last_use ON uploads (last_used_at);

CREATE TABLE builds (
    id BLOB PRIMARY KEY,
    project TEXT NOT NULL,
    image TEXT NOT NULL,
    repository TEXT NOT NULL,
    platform TEXT,
    spec TEXT NOT NULL,
    upload BLOB REFERENCES uploads (id) ON DELETE SET NULL,
    retry_of BLOB REFERENCES builds (id) ON DELETE SET NULL,
    status TEXT NOT NULL CHECK (status IN (
        'queued', 'preparing', 'building', 'pushing', 'purging',
        'succeeded', 'failed', 'cancelled', 'timed_out')),
    attempt INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    host TEXT,
    not_before TEXT NOT NULL,
    cancel_requested_at TEXT,
    created_at TEXT NOT NULL,
    preparing_at TEXT,
    building_at TEXT,
    pushing_at TEXT,
    purging_at TEXT,
    finished_at TEXT,
    digest TEXT,
    failure TEXT,
    had_secrets INTEGER NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NOT NULL)
        = (status IN ('succeeded', 'failed', 'cancelled', 'timed_out'))),
    CHECK (status NOT IN ('failed', 'timed_out') OR failure IS NOT NULL)
) STRICT;
CREATE INDEX builds_in_line ON builds (status, COALESCE(platform, ''), created_at, id)
    WHERE status = 'queued';
CREATE INDEX builds_by_age ON builds (created_at, id);
CREATE INDEX builds_by_status ON builds (status, created_at, id);
CREATE INDEX builds_by_project ON builds (project, created_at, id);
CREATE INDEX builds_by_repository ON builds (repository, created_at, id);
CREATE INDEX builds_by_upload ON builds (upload) WHERE upload IS NOT NULL;

CREATE TABLE leases (
    build BLOB PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    worker BLOB NOT NULL,
    host TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX leases_by_host ON leases (host);

CREATE TABLE events (
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (build, seq)
) STRICT;

CREATE TABLE outbox (
    id BLOB PRIMARY KEY,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

CREATE TABLE sealed_secrets (
    build BLOB PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL
) STRICT;

CREATE TABLE hosts (
    name TEXT PRIMARY KEY,
    slots INTEGER NOT NULL CHECK (slots > 0),
    platform TEXT,
    builder TEXT,
    drained INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    probed_at TEXT NOT NULL
) STRICT;

CREATE TABLE images_on_hosts (
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    host TEXT NOT NULL,
    PRIMARY KEY (build, attempt)
) STRICT;
CREATE INDEX images_by_host ON images_on_hosts (host);
