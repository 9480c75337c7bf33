-- The same schema as postgres/0008_project_stream.sql, where every column is explained.

CREATE TABLE places (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    base INTEGER NOT NULL,
    cluster TEXT
) STRICT;
INSERT INTO places (id, base) VALUES (1, 0);

-- There is one writer: what was given out is visible before anything else is given out.
CREATE VIEW next_place AS SELECT base + 1 AS next FROM places;
CREATE VIEW settled_places AS SELECT base + 1 AS beyond FROM places;

ALTER TABLE builds ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN project TEXT;
ALTER TABLE events ADD COLUMN place INTEGER;
CREATE INDEX events_of_project ON events (project, place, build, seq)
    WHERE project IS NOT NULL;

-- A place that was given out is not given out again, whatever is forgotten.
CREATE TRIGGER take_place AFTER INSERT ON events WHEN NEW.place IS NOT NULL
BEGIN
    UPDATE places SET base = NEW.place WHERE base < NEW.place;
END;
CREATE TRIGGER place_event AFTER INSERT ON events
    WHEN NEW.place IS NULL AND substr(NEW.body, 1, 13) <> '{"kind":"log"'
BEGIN
    UPDATE places SET base = base + 1;
    UPDATE events SET place = (SELECT base FROM places),
        project = (SELECT project FROM builds WHERE id = NEW.build)
        WHERE build = NEW.build AND seq = NEW.seq;
END;
