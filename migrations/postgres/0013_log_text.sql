-- What builds print is packed by LZ4 where the server can (PostgreSQL 14 and later, unless it was
-- built without): on log text its own way takes several times as long, and makes it no smaller by
-- much. What is there stays as it is, and either way is read by any release.
-- sqlite/0013_log_text.sql has nothing to say to this: SQLite packs nothing.

DO $$
BEGIN
    EXECUTE 'ALTER TABLE events ALTER COLUMN body SET COMPRESSION lz4';
EXCEPTION
    WHEN feature_not_supported OR syntax_error THEN
        RAISE NOTICE 'this server packs log text its own way';
END
$$;
