-- The same schema as postgres/0007_triggers.sql, where every column is explained.

CREATE TABLE build_triggers (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX build_triggers_by_name ON build_triggers (name);

CREATE TABLE sealed_trigger_secrets (
    trigger_id BLOB PRIMARY KEY REFERENCES build_triggers (id) ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    ciphertext BLOB NOT NULL
) STRICT;

CREATE TABLE webhook_deliveries (
    id BLOB PRIMARY KEY,
    forge TEXT NOT NULL CHECK (forge IN ('github', 'gitea', 'gitlab')),
    delivery TEXT NOT NULL,
    body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
    event TEXT NOT NULL,
    repository TEXT NOT NULL,
    reference TEXT NOT NULL,
    happening TEXT,
    signed_for TEXT NOT NULL,
    received_at TEXT NOT NULL,
    not_before TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    worked_at TEXT,
    outcome TEXT,
    CHECK ((worked_at IS NULL) = (outcome IS NULL)),
    CHECK (happening IS NOT NULL OR worked_at IS NOT NULL)
) STRICT;
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (not_before, id)
    WHERE worked_at IS NULL;
CREATE UNIQUE INDEX webhook_deliveries_by_name ON webhook_deliveries (forge, delivery);
CREATE UNIQUE INDEX webhook_deliveries_by_body ON webhook_deliveries (forge, body_sha256);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (received_at);
