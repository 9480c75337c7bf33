-- The same schema as postgres/0004_uploads.sql, where every column is explained.

ALTER TABLE uploads ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
ALTER TABLE uploads ADD COLUMN blob BLOB REFERENCES uploads (id);

CREATE INDEX uploads_by_sha256 ON uploads (sha256) WHERE blob IS NULL;
CREATE INDEX uploads_by_blob ON uploads (blob) WHERE blob IS NOT NULL;
