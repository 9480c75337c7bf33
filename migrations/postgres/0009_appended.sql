-- When a build's log was written last, for writers that had no answer. Only additions: a
-- release that knows nothing of it goes on working beside one that does.
-- sqlite/0009_appended.sql is the same in SQLite's words: change both together.

ALTER TABLE builds
    -- The time that the latest batch of the log was written under. Whoever had no answer tries
    -- again under the same time, and finds here that it is written. It is in this row, and not
    -- looked for among the events, because a statement that waited for the row's lock sees the
    -- row as it is now, and everything else as it was before.
    ADD COLUMN appended_at timestamptz;
