-- The order of the line, and what several workers have to agree on. Only additions: a
-- release that knows nothing of them goes on working beside one that does.
-- sqlite/0002_line.sql is the same in SQLite's words: change both together.

ALTER TABLE builds
    -- 0 to 9; more goes first. Waiting raises it by and by, see builds/claim.rs.
    ADD COLUMN priority integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
    -- Its round in the line of its priority. A project has one place in each round, so the
    -- thousandth build of one project waits for its thousandth round and delays nobody.
    ADD COLUMN round bigint NOT NULL DEFAULT 0,
    -- How long it may be in line each time it gets there; NULL means for ever.
    ADD COLUMN queue_seconds integer CHECK (queue_seconds > 0),
    -- When it has been in line for that long; NULL means never.
    ADD COLUMN give_up_at timestamptz,
    -- Why the last worker that wanted it could not take it; NULL when none has tried.
    ADD COLUMN obstacle text,
    -- A newer build of the project with the same key takes this one's place.
    ADD COLUMN supersede_key text,
    -- The build that took its place. No foreign key: it may be forgotten first.
    ADD COLUMN superseded_by uuid,
    -- Trace context of the request (W3C Trace Context), for the spans of the worker.
    ADD COLUMN traceparent text;

-- What is claimed next for each platform and priority. The project is in it so that projects
-- that have all they may have can be passed by without a look at their rows. The status is
-- not in it again: PostgreSQL knows from the WHERE what it is, and would leave the first
-- column open and walk through the whole line.
DROP INDEX builds_in_line;
CREATE INDEX builds_in_line
    ON builds (COALESCE(platform, ''), priority, round, created_at, id, project)
    WHERE status = 'queued';
-- A project's last round, for the next submit.
CREATE INDEX builds_by_round ON builds (project, priority, round) WHERE status = 'queued';
CREATE INDEX builds_by_give_up ON builds (give_up_at)
    WHERE status = 'queued' AND give_up_at IS NOT NULL;
CREATE INDEX builds_by_supersede_key ON builds (project, supersede_key)
    WHERE supersede_key IS NOT NULL AND finished_at IS NULL;
-- For deleting what they point at.
CREATE INDEX builds_by_retry_of ON builds (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX idempotency_keys_by_build ON idempotency_keys (build);
CREATE INDEX outbox_by_build ON outbox (build);

-- The line of each priority.
CREATE TABLE lines (
    priority integer PRIMARY KEY CHECK (priority BETWEEN 0 AND 9),
    -- The highest round that was claimed from: a project that comes anew begins after it.
    served bigint NOT NULL DEFAULT 0
);
INSERT INTO lines (priority) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);

-- What operators allow projects.
CREATE TABLE projects (
    -- `*` stands for every project without a row of its own.
    name text PRIMARY KEY,
    -- How many of its builds may run at once; NULL means any number.
    max_running integer CHECK (max_running > 0)
);

-- The latest build of each key. Taken first in a submit, so that of two builds that come
-- at once one sees the other.
CREATE TABLE supersede_keys (
    project text NOT NULL,
    key text NOT NULL,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (project, key)
);
CREATE INDEX supersede_keys_by_build ON supersede_keys (build);

-- Whose turn it is to push an image. Two pushes of one tag at once would leave to chance
-- what it stands for.
CREATE TABLE push_turns (
    -- The full reference.
    image text PRIMARY KEY,
    -- Who has the turn, for as long as its lease lasts.
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    attempt integer NOT NULL
);
CREATE INDEX push_turns_by_build ON push_turns (build);

-- What each worker found out about each host. One that cannot reach a host does not speak
-- for the others: hosts.problem is what all fresh rows here agree on.
CREATE TABLE host_probes (
    host text NOT NULL REFERENCES hosts (name) ON DELETE CASCADE,
    worker uuid NOT NULL,
    problem text,
    -- The engine's own id, where it answered: one name must not stand for two engines.
    engine text,
    probed_at timestamptz NOT NULL,
    PRIMARY KEY (host, worker)
);
