-- The same schema as postgres/0012_blob_mark.sql, where all is explained.

CREATE TABLE blob_mark (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    mark BLOB NOT NULL,
    written_at TEXT
) STRICT;
