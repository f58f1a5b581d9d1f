-- The policies in force, and how far each webhook was told. A database of an earlier release has accepted no policies yet: its
-- server takes those of its configuration.

CREATE TABLE policy (
    number   BIGINT NOT NULL PRIMARY KEY CHECK (number = 1),
    document TEXT NOT NULL                     -- JSON, as in the audit log
);

CREATE TABLE delivery (
    webhook  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    log      BIGINT NOT NULL,
    position BIGINT NOT NULL                   -- the next leaf to tell of
);

UPDATE schema_version SET version = 3;
