-- What sources came to. Only additions: a release that knows nothing of them goes on working
-- beside one that does. sqlite/0003_sources.sql is the same in SQLite's words: change both
-- together.

ALTER TABLE builds
    -- The commit that the source of the latest attempt came to; NULL where it is of no
    -- repository, or not known yet.
    ADD COLUMN source_commit text;
