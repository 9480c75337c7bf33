-- The same schema as postgres/0006_names.sql, where every column is explained.

CREATE TABLE build_names (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    build BLOB NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    PRIMARY KEY (scope, name, build)
) STRICT;
CREATE INDEX build_names_by_build ON build_names (build);

ALTER TABLE uploads ADD COLUMN media_type TEXT;
