-- The state of record. Every station of a build reads and writes rows here and rings
-- for the next one; nothing that must survive a process is kept anywhere else.
-- sqlite/0001_first.sql is the same schema in SQLite's words: change both together.

-- Uploaded build contexts. The bytes are in the blob store; a row exists only once all
-- of them are there.
CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    -- Size of the blob as it came, compressed or not.
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    -- Digest of the blob, 64 hexadecimal digits.
    sha256 text NOT NULL CHECK (length(sha256) = 64),
    created_at timestamptz NOT NULL,
    -- Moved forward by each build that names it: retention counts from here.
    last_used_at timestamptz NOT NULL
);
CREATE INDEX uploads_by_last_use ON uploads (last_used_at);

CREATE TABLE builds (
    id uuid PRIMARY KEY,
    project text NOT NULL,
    -- The full reference that is pushed to, tag included.
    image text NOT NULL,
    -- The reference without its tag: the key of host affinity, and a filter of lists.
    repository text NOT NULL,
    -- NULL means the host's own platform.
    platform text,
    -- The checked request as JSON (slipway_domain::BuildSpec). Never holds a secret.
    spec text NOT NULL,
    upload uuid REFERENCES uploads (id) ON DELETE SET NULL,
    retry_of uuid REFERENCES builds (id) ON DELETE SET NULL,
    status text NOT NULL CHECK (status IN (
        'queued', 'preparing', 'building', 'pushing', 'purging',
        'succeeded', 'failed', 'cancelled', 'timed_out')),
    -- The fencing token: grows by one with every claim; a worker with a smaller number
    -- changes nothing.
    attempt integer NOT NULL DEFAULT 0,
    -- How often a claim came to nothing through no fault of the build. Bounded by
    -- worker.max_attempts; an orderly hand-back does not count.
    losses integer NOT NULL DEFAULT 0,
    -- The host of the latest attempt.
    host text,
    -- Not to be claimed before: a build that just lost a host waits a moment.
    not_before timestamptz NOT NULL,
    cancel_requested_at timestamptz,
    created_at timestamptz NOT NULL,
    -- When the latest attempt entered each stage; NULL if it did not.
    preparing_at timestamptz,
    building_at timestamptz,
    pushing_at timestamptz,
    purging_at timestamptz,
    finished_at timestamptz,
    -- The registry's digest, known once the push is through.
    digest text,
    -- Why it did not succeed, as JSON (slipway_domain::Failure).
    failure text,
    -- Whether logins came with it, so that a retry knows that they are gone.
    had_secrets boolean NOT NULL,
    -- The highest sequence number given out to an event of this build.
    last_seq bigint NOT NULL DEFAULT 0,
    CHECK ((finished_at IS NOT NULL)
        = (status IN ('succeeded', 'failed', 'cancelled', 'timed_out'))),
    CHECK (status NOT IN ('failed', 'timed_out') OR failure IS NOT NULL)
);
-- The line: what is claimed next for each platform, or for any. The status is in it again
-- because SQLite would take builds_by_status for as good, and walk through the line.
CREATE INDEX builds_in_line ON builds (status, COALESCE(platform, ''), created_at, id)
    WHERE status = 'queued';
-- Lists, newest first.
CREATE INDEX builds_by_age ON builds (created_at, id);
CREATE INDEX builds_by_status ON builds (status, created_at, id);
CREATE INDEX builds_by_project ON builds (project, created_at, id);
CREATE INDEX builds_by_repository ON builds (repository, created_at, id);
CREATE INDEX builds_by_upload ON builds (upload) WHERE upload IS NOT NULL;

-- Who holds which build. Narrow, because heartbeats rewrite it all the time.
CREATE TABLE leases (
    build uuid PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    attempt integer NOT NULL,
    worker uuid NOT NULL,
    host text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX leases_by_host ON leases (host);

-- What happened, one gap-free sequence per build.
CREATE TABLE events (
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    attempt integer NOT NULL,
    -- JSON (slipway_domain::EventBody). Text, not jsonb: output may hold \u0000.
    body text NOT NULL,
    PRIMARY KEY (build, seq)
);

-- Bells still to be rung, written with what they tell of. Gone once they are rung.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);

-- Answers to repeated submits.
CREATE TABLE idempotency_keys (
    project text NOT NULL,
    key text NOT NULL,
    -- Keyed digest of the request that came with the key first, logins included.
    request_digest text NOT NULL,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project, key)
);

-- Secrets of builds that are not over: XChaCha20-Poly1305, the build's id as associated
-- data. Deleted in the transaction that ends the build.
CREATE TABLE sealed_secrets (
    build uuid PRIMARY KEY REFERENCES builds (id) ON DELETE CASCADE,
    -- Which key of the ring sealed it.
    key_id text NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL
);

-- The Docker hosts that workers have reported.
CREATE TABLE hosts (
    name text PRIMARY KEY,
    slots integer NOT NULL CHECK (slots > 0),
    -- NULL until a worker has reached it once.
    platform text,
    -- 'buildkit' or 'classic', as probed.
    builder text,
    -- Set by an operator: takes no new build.
    drained boolean NOT NULL DEFAULT false,
    -- Why it cannot be used now; NULL when the last probe went well.
    problem text,
    -- When a worker last probed it. A row that nobody refreshes belongs to no worker.
    probed_at timestamptz NOT NULL
);

-- What an attempt may have left on a host. Written with the claim, deleted when the host
-- has confirmed that the image is gone, swept where a worker died in between.
CREATE TABLE images_on_hosts (
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    attempt integer NOT NULL,
    host text NOT NULL,
    PRIMARY KEY (build, attempt)
);
CREATE INDEX images_by_host ON images_on_hosts (host);
