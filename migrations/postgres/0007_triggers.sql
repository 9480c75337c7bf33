-- What is built when something happens at a forge, and what forges have told. Only additions: a
-- release that knows nothing of them goes on working beside one that does.
-- sqlite/0007_triggers.sql is the same in SQLite's words: change both together.

-- Triggers that were made over the API. Those of the settings file are not here.
CREATE TABLE build_triggers (
    id uuid PRIMARY KEY,
    -- What deliveries and people call it.
    name text NOT NULL,
    -- The checked trigger as JSON (slipway_domain::TriggerDefinition). Never holds a secret.
    definition text NOT NULL,
    created_at timestamptz NOT NULL,
    -- When it was last put.
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX build_triggers_by_name ON build_triggers (name);

-- What deliveries to a trigger are signed with, and the token that its builds get:
-- XChaCha20-Poly1305, the trigger's id as associated data. No row where it has neither.
CREATE TABLE sealed_trigger_secrets (
    trigger_id uuid PRIMARY KEY REFERENCES build_triggers (id) ON DELETE CASCADE,
    -- Which key of the ring sealed it.
    key_id text NOT NULL,
    nonce bytea NOT NULL,
    ciphertext bytea NOT NULL
);

-- What forges have told, each once: the inbox of triggers, and its history. Only what was
-- signed gets here. Of the body only what triggers care for is kept.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    forge text NOT NULL CHECK (forge IN ('github', 'gitea', 'gitlab')),
    -- The forge's own name for it. A repetition of it is answered as it was, and not worked.
    delivery text NOT NULL,
    -- SHA-256 of the body, 64 hexadecimal digits. Nobody signs the forge's name for a delivery:
    -- the same body under another name is a repetition, too.
    body_sha256 text NOT NULL CHECK (length(body_sha256) = 64),
    -- push, release or pull_request.
    event text NOT NULL,
    -- owner/name.
    repository text NOT NULL,
    -- What it is about: refs/heads/main, refs/tags/v1, refs/pull/7.
    reference text NOT NULL,
    -- What happened, as JSON (slipway_domain::Happening); NULL where nothing could come of it
    -- for any trigger.
    happening text,
    -- The triggers whose secret it was signed with, as a JSON list of names: no other may act
    -- on it.
    signed_for text NOT NULL,
    received_at timestamptz NOT NULL,
    -- Not to be worked off before: moved forward by whoever works on it, so that another one
    -- takes it up where that one dies.
    not_before timestamptz NOT NULL,
    -- How often somebody has begun to work on it. The number fences the end.
    attempts integer NOT NULL DEFAULT 0,
    -- When it was worked off, or passed by at once.
    worked_at timestamptz,
    -- What became of it, as JSON (slipway_store::webhooks::Outcome).
    outcome text,
    CHECK ((worked_at IS NULL) = (outcome IS NULL)),
    CHECK (happening IS NOT NULL OR worked_at IS NOT NULL)
);
-- The inbox.
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (not_before, id)
    WHERE worked_at IS NULL;
-- Each is there once.
CREATE UNIQUE INDEX webhook_deliveries_by_name ON webhook_deliveries (forge, delivery);
CREATE UNIQUE INDEX webhook_deliveries_by_body ON webhook_deliveries (forge, body_sha256);
-- What is old enough to be forgotten.
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (received_at);
