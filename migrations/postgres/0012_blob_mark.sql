-- Which blob store is this installation's. A folder that was not mounted is as good to write to as
-- the one that was, and so is somebody else's: so there is a mark in the store, and the same one
-- here. Only additions: a release that knows nothing of it goes on working beside one that does.
-- sqlite/0012_blob_mark.sql is the same in SQLite's words: change both together.

CREATE TABLE blob_mark (
    -- There is one row, from the first time on that the store was used.
    one integer PRIMARY KEY CHECK (one = 1),
    -- What stands in the store's object `mark`.
    mark uuid NOT NULL,
    -- When it was seen to stand there. NULL while it is being written: until then a store that
    -- lacks it is the one that it is to be written to.
    written_at timestamptz
);
