-- What a host builds for beside its own platform, as its settings have it, separated by commas: a
-- build that waits for such a host is not told that there is none for its platform.

ALTER TABLE hosts ADD COLUMN platforms TEXT;
