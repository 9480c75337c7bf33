-- The same schema as postgres/0005_followers.sql, where every column is explained.

CREATE TABLE followers (
    id BLOB PRIMARY KEY,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('status', 'logs')),
    transport TEXT NOT NULL CHECK (transport IN ('http', 'kafka')),
    form TEXT NOT NULL,
    address TEXT NOT NULL,
    host TEXT NOT NULL,
    key_id TEXT,
    nonce BLOB,
    ciphertext BLOB,
    told_seq INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'done', 'disabled', 'given_up')),
    why TEXT,
    lease BLOB,
    leased_until TEXT,
    resend_asked_at TEXT,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    CHECK ((key_id IS NULL) = (nonce IS NULL) AND (key_id IS NULL) = (ciphertext IS NULL))
) STRICT;
CREATE UNIQUE INDEX followers_by_build ON followers (build, place);
CREATE INDEX followers_by_due ON followers (due_at)
    WHERE state = 'waiting' OR resend_asked_at IS NOT NULL;
CREATE INDEX followers_by_end ON followers (ended_at)
    WHERE ended_at IS NOT NULL AND key_id IS NOT NULL;

CREATE INDEX events_of_state ON events (build, seq)
    WHERE substr(body, 1, 15) = '{"kind":"state"';

CREATE TABLE deliveries (
    id BLOB PRIMARY KEY,
    follower BLOB NOT NULL REFERENCES followers (id) ON DELETE CASCADE,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    resend INTEGER NOT NULL DEFAULT 0,
    at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'failed', 'refused', 'passed_by')),
    error TEXT,
    request_headers TEXT NOT NULL,
    request_body TEXT NOT NULL,
    response_status INTEGER,
    response_headers TEXT,
    response_body TEXT
) STRICT;
CREATE INDEX deliveries_by_build ON deliveries (build, id);
CREATE INDEX deliveries_by_follower ON deliveries (follower, seq);
CREATE INDEX deliveries_by_age ON deliveries (at);

CREATE TABLE resends (
    follower BLOB NOT NULL REFERENCES followers (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    PRIMARY KEY (follower, seq)
) STRICT;
