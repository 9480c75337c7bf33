-- Logs of builds that are over may go from rows to the blob store. Only additions: a release
-- that knows nothing of it goes on working beside one that does, and finds no log where it was
-- moved. sqlite/0011_log_archive.sql is the same in SQLite's words: change both together.

ALTER TABLE builds
    -- When the build's events went from the table to a blob. NULL while they are rows. Written in
    -- the transaction that deletes these and writes the frames.
    ADD COLUMN log_moved_at timestamptz;
-- Whose log is to be moved next. Without those that are, which become ever more.
CREATE INDEX builds_with_events ON builds (finished_at)
    WHERE finished_at IS NOT NULL AND log_moved_at IS NULL;

-- Blobs with logs: written before the first byte of one, gone once it is confirmed that the
-- blob is gone. So no blob is without a note of it, whoever was killed over it.
CREATE TABLE log_blobs (
    -- The build's id, which is in the blob's name.
    id uuid PRIMARY KEY,
    -- The same id; NULL once the build is forgotten, which is when the blob is to go.
    build uuid REFERENCES builds (id) ON DELETE SET NULL,
    -- Until then the blob is somebody's who writes it. Who moves the log names the same time
    -- again: it fences one who was slower than it.
    held_until timestamptz NOT NULL
);
CREATE UNIQUE INDEX log_blobs_by_build ON log_blobs (build);
CREATE INDEX log_blobs_of_nobody ON log_blobs (held_until) WHERE build IS NULL;

-- The pieces of a log that was moved, each a zstd frame of its own with events as JSON lines.
CREATE TABLE log_frames (
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    -- The numbers of its events, from and to, without gaps. What comes after N is in the first
    -- frame whose last number is higher.
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL CHECK (last_seq >= first_seq),
    -- Where it is in the blob, in bytes.
    start bigint NOT NULL,
    bytes bigint NOT NULL CHECK (bytes > 0),
    -- What it comes to, in bytes.
    plain_bytes bigint NOT NULL CHECK (plain_bytes > 0),
    -- Whether a change of state is in it: followers that are told of nothing else pass by the
    -- others.
    has_state boolean NOT NULL,
    PRIMARY KEY (build, last_seq)
);
