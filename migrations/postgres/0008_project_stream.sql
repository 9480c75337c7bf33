-- What happens in all builds of a project, as one stream. Only additions: a release that knows
-- nothing of them goes on working beside one that does, and what it writes is in the stream, too.
-- sqlite/0008_project_stream.sql is the same in SQLite's words: change both together.

-- One row: what places are counted from.
CREATE TABLE places (
    id integer PRIMARY KEY CHECK (id = 1),
    -- A place is this and the number of the transaction that wrote it. Moved forward where the
    -- database finds itself in another cluster, whose transactions are counted anew: so places
    -- only grow. On SQLite the last place that was given out.
    base bigint NOT NULL,
    -- The cluster that base is for; NULL until a process has looked. Always NULL on SQLite.
    cluster text
);
INSERT INTO places (id, base) VALUES (1, 0);

-- The place of what the transaction writes that asks. Given out before its commit, and so not
-- the order in which rows become visible.
CREATE VIEW next_place AS
    SELECT base + pg_current_xact_id()::text::bigint AS next FROM places;
-- Places before this are settled: all that will ever be there can be seen by the statement that
-- asks, because every transaction with such a number is over.
CREATE VIEW settled_places AS
    SELECT base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS beyond FROM places;

ALTER TABLE builds
    -- The place of what was written to it last; 0 before it had one. The next one is never before
    -- it, even where the transaction that waited for this row has the lower number: so places and
    -- numbers of a build go the same way.
    ADD COLUMN place bigint NOT NULL DEFAULT 0;

ALTER TABLE events
    -- The project of its build. NULL for output, and for all that is older than this column.
    ADD COLUMN project text,
    -- Its place in the stream of the project; NULL like the project.
    ADD COLUMN place bigint;
CREATE INDEX events_of_project ON events (project, place, build, seq)
    WHERE project IS NOT NULL;

-- Gives a place to what a release writes that knows of none.
CREATE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT builds.project, GREATEST(builds.place, next_place.next)
        INTO NEW.project, NEW.place
        FROM builds, next_place WHERE builds.id = NEW.build;
    RETURN NEW;
END
$$;
CREATE TRIGGER place_event BEFORE INSERT ON events FOR EACH ROW
    WHEN (NEW.place IS NULL AND substr(NEW.body, 1, 13) <> '{"kind":"log"')
    EXECUTE FUNCTION place_event();
