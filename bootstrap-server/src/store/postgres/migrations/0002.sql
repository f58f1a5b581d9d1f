-- The schema as it was when PostgreSQL was first supported: what SQLite has after its migration of the same number.

CREATE TABLE manufacturer (
    name    TEXT COLLATE "C" PRIMARY KEY,
    anchors TEXT NOT NULL,                    -- PEM
    voucher_anchors TEXT NOT NULL,            -- PEM
    serial_number_rule TEXT NOT NULL
);

CREATE TABLE profile (
    name     TEXT COLLATE "C" PRIMARY KEY,
    document TEXT NOT NULL                    -- TOML
);

CREATE TABLE device (
    manufacturer  TEXT COLLATE "C" NOT NULL,
    serial_number TEXT COLLATE "C" NOT NULL,
    profile       TEXT COLLATE "C",
    state         TEXT COLLATE "C" NOT NULL,
    detail        TEXT,
    since         BIGINT NOT NULL,           -- Unix milliseconds
    attempt_since BIGINT,
    last_answer   BYTEA,                       -- SHA-256 of the body of its last `answered` event
    proof_at      BIGINT,
    proof_source  TEXT,
    proof_certificate BYTEA,                   -- SHA-256
    alarm         TEXT,
    alarm_at      BIGINT,
    activation_salt BYTEA,
    activation_hash BYTEA,
    model         TEXT,
    mac_addresses TEXT NOT NULL,              -- separated by blanks
    host          TEXT COLLATE "C",
    slot          TEXT,
    rack          TEXT COLLATE "C",
    version       BIGINT NOT NULL,           -- leaf
    PRIMARY KEY (manufacturer, serial_number)
);
CREATE INDEX device_serial_number ON device (serial_number, manufacturer);
CREATE INDEX device_state ON device (state, manufacturer, serial_number);
CREATE INDEX device_since ON device (state, since);
CREATE INDEX device_profile ON device (profile, manufacturer, serial_number);
CREATE INDEX device_rack ON device (rack, manufacturer, serial_number) WHERE rack IS NOT NULL;
CREATE INDEX device_host ON device (host, manufacturer, serial_number) WHERE host IS NOT NULL;
CREATE INDEX device_alarm ON device (state) WHERE alarm IS NOT NULL;

CREATE TABLE voucher (
    manufacturer  TEXT COLLATE "C" NOT NULL,
    serial_number TEXT COLLATE "C" NOT NULL,
    artifact      BYTEA NOT NULL,
    PRIMARY KEY (manufacturer, serial_number)
);

CREATE TABLE progress_report (
    log           BIGINT NOT NULL,
    leaf          BIGINT NOT NULL,
    manufacturer  TEXT COLLATE "C" NOT NULL,
    serial_number TEXT COLLATE "C" NOT NULL,
    at            BIGINT NOT NULL,           -- Unix milliseconds
    progress_type TEXT NOT NULL,
    message       TEXT,
    PRIMARY KEY (log, leaf)
);
CREATE INDEX progress_report_device ON progress_report (manufacturer, serial_number, log, leaf);

CREATE TABLE reported_key (
    log    BIGINT NOT NULL,
    leaf   BIGINT NOT NULL,
    number BIGINT NOT NULL,
    kind   TEXT NOT NULL,                     -- SSH algorithm, or trust-anchor-cert
    data   BYTEA NOT NULL,
    PRIMARY KEY (log, leaf, number)
);

-- Which leaf is about which device.
CREATE TABLE device_event (
    manufacturer  TEXT COLLATE "C" NOT NULL,
    serial_number TEXT COLLATE "C" NOT NULL,
    log           BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    PRIMARY KEY (manufacturer, serial_number, log, position)
);

-- The audit log. `leaf` is for ever; salt and body may be erased together.
CREATE TABLE leaf (
    position BIGINT PRIMARY KEY,
    leaf     BYTEA NOT NULL,
    salt     BYTEA,
    body     BYTEA
);

-- The latest signed checkpoint, and the right edge of the tree it signs. Whoever appends locks the row.
CREATE TABLE checkpoint (
    number   BIGINT PRIMARY KEY CHECK (number = 1),
    size     BIGINT NOT NULL,
    frontier BYTEA NOT NULL,
    note     TEXT NOT NULL
);

-- Logs that ended when the database was restored. `log` counts them from 0; `leaf` holds the one after the last.
CREATE TABLE archived_log (
    log  BIGINT PRIMARY KEY,
    note TEXT NOT NULL                        -- its last checkpoint
);

CREATE TABLE archived_leaf (
    log      BIGINT NOT NULL,
    position BIGINT NOT NULL,
    leaf     BYTEA NOT NULL,
    salt     BYTEA,
    body     BYTEA,
    PRIMARY KEY (log, position)
);

-- Who may use the operator API. Of a token, only the digest of its secret is here.
CREATE TABLE operator (
    name TEXT COLLATE "C" PRIMARY KEY,
    role TEXT NOT NULL
);

CREATE TABLE token (
    id       TEXT COLLATE "C" PRIMARY KEY,
    operator TEXT COLLATE "C" NOT NULL,
    digest   BYTEA NOT NULL,                   -- SHA-256
    created  BIGINT NOT NULL,                -- Unix milliseconds
    expires  BIGINT
);
CREATE INDEX token_digest ON token (digest);

CREATE TABLE kept_answer (
    operator        TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    at              BIGINT NOT NULL,         -- Unix milliseconds
    request         BYTEA NOT NULL,            -- SHA-256
    status          BIGINT NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (operator, idempotency_key)
);
CREATE INDEX kept_answer_at ON kept_answer (at);

CREATE TABLE schema_version (
    version BIGINT NOT NULL
);
INSERT INTO schema_version VALUES (2);
