-- Uploads that share their bytes, and whose they are. Only additions: a release that knows
-- nothing of them goes on working beside one that does.
-- sqlite/0004_uploads.sql is the same in SQLite's words: change both together.

ALTER TABLE uploads
    -- A build of another project cannot name it.
    ADD COLUMN project text NOT NULL DEFAULT 'default',
    -- The upload whose blob holds the same bytes. NULL where its blob is its own, named by
    -- its id. What others share cannot be deleted, not even by a release that does not know
    -- this column.
    ADD COLUMN blob uuid REFERENCES uploads (id);

-- The same bytes, uploaded before.
CREATE INDEX uploads_by_sha256 ON uploads (sha256) WHERE blob IS NULL;
-- Who shares a blob.
CREATE INDEX uploads_by_blob ON uploads (blob) WHERE blob IS NOT NULL;
