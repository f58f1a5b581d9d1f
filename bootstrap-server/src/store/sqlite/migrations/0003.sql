-- The policies in force, and how far each webhook was told. A database of an earlier release has accepted no policies yet: its
-- server takes those of its configuration.

CREATE TABLE policy (
    number   INTEGER NOT NULL PRIMARY KEY CHECK (number = 1),
    document TEXT NOT NULL                     -- JSON, as in the audit log
) STRICT;

CREATE TABLE delivery (
    webhook  TEXT NOT NULL PRIMARY KEY,
    log      INTEGER NOT NULL,
    position INTEGER NOT NULL                  -- the next leaf to tell of
) STRICT, WITHOUT ROWID;

UPDATE schema_version SET version = 3;
