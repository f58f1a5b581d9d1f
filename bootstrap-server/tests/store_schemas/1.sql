CREATE TABLE manufacturer (
    name    TEXT PRIMARY KEY,
    anchors TEXT NOT NULL                     -- PEM
) STRICT;

CREATE TABLE profile (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL                    -- TOML
) STRICT;

CREATE TABLE device (
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    profile       TEXT,
    state         TEXT NOT NULL,
    detail        TEXT,
    last_answer   BLOB,                       -- SHA-256 of the body of its last `answered` event
    PRIMARY KEY (manufacturer, serial_number)
) STRICT, WITHOUT ROWID;

CREATE TABLE voucher (
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    artifact      BLOB NOT NULL,
    PRIMARY KEY (manufacturer, serial_number)
) STRICT;

CREATE TABLE progress_report (
    leaf          INTEGER PRIMARY KEY,
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    at            INTEGER NOT NULL,           -- Unix milliseconds
    progress_type TEXT NOT NULL,
    message       TEXT
) STRICT;
CREATE TABLE reported_key (
    leaf INTEGER NOT NULL,
    kind TEXT NOT NULL,                       -- SSH algorithm, or trust-anchor-cert
    data BLOB NOT NULL
) STRICT;
CREATE INDEX reported_key_leaf ON reported_key (leaf);
CREATE INDEX progress_report_device ON progress_report (manufacturer, serial_number, leaf);

-- The audit log. `leaf` is for ever; salt and body may be erased together.
CREATE TABLE leaf (
    position INTEGER PRIMARY KEY,
    leaf     BLOB NOT NULL,
    salt     BLOB,
    body     BLOB
) STRICT;

-- The latest signed checkpoint, and the right edge of the tree it signs.
CREATE TABLE checkpoint (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    size     INTEGER NOT NULL,
    frontier BLOB NOT NULL,
    note     TEXT NOT NULL
) STRICT;
