-- How PostgreSQL packs what builds print; see postgres/0013_log_text.sql. SQLite packs nothing.

SELECT 1;
