-- Names that older services' clients know builds by. Only additions: a release that knows
-- nothing of them goes on working beside one that does.
-- sqlite/0006_names.sql is the same in SQLite's words: change both together.

-- A name stands for its newest build; older ones keep it, so that all that runs under a name
-- can be stopped.
CREATE TABLE build_names (
    -- Whose names these are: a dialect, or an application within one.
    scope text NOT NULL,
    -- As the client chose it.
    name text NOT NULL,
    build uuid NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
    PRIMARY KEY (scope, name, build)
);
-- For deleting what they point at.
CREATE INDEX build_names_by_build ON build_names (build);

ALTER TABLE uploads
    -- What its sender called it, such as application/gzip; NULL where nothing was said.
    ADD COLUMN media_type text;
