-- Who is told of a build without asking, and what became of each try. Only additions: a
-- release that knows nothing of them goes on working beside one that does.
-- sqlite/0005_followers.sql is the same in SQLite's words: change both together.

-- Whoever follows a build by push: webhooks, log streams, topics. Nothing is written here when
-- something happens in a build: a follower is due while the build has events after what it was
-- told.
CREATE TABLE followers (
    id uuid PRIMARY KEY,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    -- Its place in the request, from 0.
    place integer NOT NULL,
    -- 'status' is told of each change of state, 'logs' gets the log.
    kind text NOT NULL CHECK (kind IN ('status', 'logs')),
    transport text NOT NULL CHECK (transport IN ('http', 'kafka')),
    -- In whose words it is told, as JSON (slipway_domain::FollowerForm). Never holds a secret.
    form text NOT NULL,
    -- Its address as it may be shown: without login, query and fragment.
    address text NOT NULL,
    -- Host and port: what is sent to one of them at once is bounded.
    host text NOT NULL,
    -- Whole address, Authorization header and signing key: XChaCha20-Poly1305, the follower's
    -- id as associated data. They outlive the build's secrets, because the last thing is told
    -- after its end, and are erased with the follower's deliveries.
    key_id text,
    nonce bytea,
    ciphertext bytea,
    -- The number of the last event it was told of, or that was passed by.
    told_seq bigint NOT NULL DEFAULT 0,
    -- How often the next one was tried in vain.
    attempts integer NOT NULL DEFAULT 0,
    -- Not to be tried before.
    due_at timestamptz NOT NULL,
    -- 'done' was told of the end, 'disabled' said that it is gone, 'given_up' was tried for as
    -- long as it is worth.
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'done', 'disabled', 'given_up')),
    -- What was wrong, in words for people.
    why text,
    -- Who tells it at the moment, and until when that counts: after that anybody may.
    lease uuid,
    leased_until timestamptz,
    -- When somebody asked for things to be told once more, see resends.
    resend_asked_at timestamptz,
    created_at timestamptz NOT NULL,
    -- When it stopped waiting.
    ended_at timestamptz,
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    CHECK ((key_id IS NULL) = (nonce IS NULL) AND (key_id IS NULL) = (ciphertext IS NULL))
);
CREATE UNIQUE INDEX followers_by_build ON followers (build, place);
CREATE INDEX followers_by_due ON followers (due_at)
    WHERE state = 'waiting' OR resend_asked_at IS NOT NULL;
CREATE INDEX followers_by_end ON followers (ended_at)
    WHERE ended_at IS NOT NULL AND key_id IS NOT NULL;

-- The changes of state of a build, found without a walk through its log.
CREATE INDEX events_of_state ON events (build, seq)
    WHERE substr(body, 1, 15) = '{"kind":"state"';

-- Every try to tell a follower of something.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    follower uuid NOT NULL REFERENCES followers (id) ON DELETE CASCADE,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    -- The event that it was told of.
    seq bigint NOT NULL,
    -- The same for every try of one message: who got it knows it again by this.
    webhook_id text NOT NULL,
    -- From 1 for each message.
    attempt integer NOT NULL,
    -- Whether somebody asked for this one.
    resend boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'refused', 'passed_by')),
    -- Why it was not delivered, in words for people.
    error text,
    -- What was sent: headers as JSON, without those that are secret, and the first 16 KiB of
    -- the body.
    request_headers text NOT NULL,
    request_body text NOT NULL,
    -- What was answered; NULL where nothing was. At most 16 KiB are read.
    response_status integer,
    response_headers text,
    response_body text
);
CREATE INDEX deliveries_by_build ON deliveries (build, id);
CREATE INDEX deliveries_by_follower ON deliveries (follower, seq);
CREATE INDEX deliveries_by_age ON deliveries (at);

-- What somebody asked to have told once more. Gone once it was tried.
CREATE TABLE resends (
    follower uuid NOT NULL REFERENCES followers (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    PRIMARY KEY (follower, seq)
);
