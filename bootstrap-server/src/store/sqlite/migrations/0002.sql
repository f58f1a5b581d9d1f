-- Records of devices with time and place, users and tokens, several logs, and what finds all that quickly.

ALTER TABLE manufacturer ADD COLUMN voucher_anchors TEXT NOT NULL DEFAULT '';  -- PEM
ALTER TABLE manufacturer ADD COLUMN serial_number_rule TEXT NOT NULL DEFAULT 'attribute';

-- Which leaf is about which device.
CREATE TABLE device_event (
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    log           INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    PRIMARY KEY (manufacturer, serial_number, log, position)
) STRICT, WITHOUT ROWID;
INSERT INTO device_event
SELECT maker, serial, 0, position
FROM (
    SELECT json_extract(CAST(body AS TEXT), '$.device.manufacturer') AS maker,
           json_extract(CAST(body AS TEXT), '$.device."serial-number"') AS serial,
           position
    FROM leaf WHERE body IS NOT NULL
)
WHERE maker IS NOT NULL AND serial IS NOT NULL;

CREATE TABLE new_device (
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    profile       TEXT,
    state         TEXT NOT NULL,
    detail        TEXT,
    since         INTEGER NOT NULL,           -- Unix milliseconds
    attempt_since INTEGER,
    last_answer   BLOB,                       -- SHA-256 of the body of its last `answered` event
    proof_at      INTEGER,
    proof_source  TEXT,
    proof_certificate BLOB,                   -- SHA-256
    alarm         TEXT,
    alarm_at      INTEGER,
    activation_salt BLOB,
    activation_hash BLOB,
    model         TEXT,
    mac_addresses TEXT NOT NULL,              -- separated by blanks
    host          TEXT,
    slot          TEXT,
    rack          TEXT,
    version       INTEGER NOT NULL,           -- leaf
    PRIMARY KEY (manufacturer, serial_number)
) STRICT, WITHOUT ROWID;
-- The time of a leaf is in its octets 1 to 8, big-endian. A record is as old as the last leaf about it.
INSERT INTO new_device
SELECT manufacturer, serial_number, profile, state, detail, moved,
       CASE state WHEN 'onboarding' THEN moved END, last_answer,
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, version
FROM (
    SELECT device.*, COALESCE(last.position, 0) AS version, COALESCE((
        WITH RECURSIVE digit (place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM digit WHERE place < 16)
        SELECT SUM((instr('0123456789ABCDEF', substr(hex(substr(leaf.leaf, 2, 8)), place, 1)) - 1) << (4 * (16 - place)))
        FROM digit
    ), 0) AS moved
    FROM device
    LEFT JOIN (
        SELECT manufacturer, serial_number, MAX(position) AS position
        FROM device_event GROUP BY manufacturer, serial_number
    ) AS last USING (manufacturer, serial_number)
    LEFT JOIN leaf ON leaf.position = last.position
);
DROP TABLE device;
ALTER TABLE new_device RENAME TO device;
CREATE INDEX device_serial_number ON device (serial_number);
CREATE INDEX device_state ON device (state);
CREATE INDEX device_since ON device (state, since);
CREATE INDEX device_profile ON device (profile);
CREATE INDEX device_rack ON device (rack) WHERE rack IS NOT NULL;
CREATE INDEX device_host ON device (host) WHERE host IS NOT NULL;
CREATE INDEX device_alarm ON device (state) WHERE alarm IS NOT NULL;

-- A restored database begins a new log: its leaves are counted from 0 again.
CREATE TABLE new_progress_report (
    log           INTEGER NOT NULL,
    leaf          INTEGER NOT NULL,
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    at            INTEGER NOT NULL,           -- Unix milliseconds
    progress_type TEXT NOT NULL,
    message       TEXT,
    PRIMARY KEY (log, leaf)
) STRICT;
INSERT INTO new_progress_report SELECT 0, leaf, manufacturer, serial_number, at, progress_type, message FROM progress_report;
CREATE TABLE new_reported_key (
    log    INTEGER NOT NULL,
    leaf   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    kind   TEXT NOT NULL,                     -- SSH algorithm, or trust-anchor-cert
    data   BLOB NOT NULL,
    PRIMARY KEY (log, leaf, number)
) STRICT;
INSERT INTO new_reported_key
SELECT 0, leaf, ROW_NUMBER() OVER (PARTITION BY leaf ORDER BY rowid) - 1, kind, data FROM reported_key;
DROP TABLE reported_key;
ALTER TABLE new_reported_key RENAME TO reported_key;
DROP TABLE progress_report;
ALTER TABLE new_progress_report RENAME TO progress_report;
CREATE INDEX progress_report_device ON progress_report (manufacturer, serial_number, log, leaf);

ALTER TABLE checkpoint RENAME COLUMN only TO number;

-- Logs that ended when the database was restored. `log` counts them from 0; `leaf` holds the one after the last.
CREATE TABLE archived_log (
    log  INTEGER PRIMARY KEY,
    note TEXT NOT NULL                        -- its last checkpoint
) STRICT;
CREATE TABLE archived_leaf (
    log      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    leaf     BLOB NOT NULL,
    salt     BLOB,
    body     BLOB,
    PRIMARY KEY (log, position)
) STRICT;

-- Who may use the operator API. Of a token, only the digest of its secret is here.
CREATE TABLE operator (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL
) STRICT;
CREATE TABLE token (
    id       TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    digest   BLOB NOT NULL,                   -- SHA-256
    created  INTEGER NOT NULL,                -- Unix milliseconds
    expires  INTEGER
) STRICT;
CREATE INDEX token_digest ON token (digest);
CREATE TABLE kept_answer (
    operator        TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    at              INTEGER NOT NULL,         -- Unix milliseconds
    request         BLOB NOT NULL,            -- SHA-256
    status          INTEGER NOT NULL,
    body            BLOB NOT NULL,
    PRIMARY KEY (operator, idempotency_key)
) STRICT;
CREATE INDEX kept_answer_at ON kept_answer (at);

CREATE TABLE schema_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO schema_version VALUES (2);
