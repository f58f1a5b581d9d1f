-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

-- What the certificates of a manufacturer's devices are like: JSON. Those of before do as IEEE 802.1AR says.
ALTER TABLE manufacturer ADD COLUMN identity TEXT NOT NULL DEFAULT '{}';

-- Revocation lists of manufacturers, as operators stored them.
CREATE TABLE revocation_list (
    manufacturer TEXT NOT NULL PRIMARY KEY,
    digest       BLOB NOT NULL,               -- SHA-256 of what follows
    lists        TEXT NOT NULL                -- PEM, one after another
) STRICT, WITHOUT ROWID;

-- A device may have several vouchers: renewed ones beside those before. What is beside the artifact is derived from it, by
-- the server, as it brings the database forward.
ALTER TABLE voucher RENAME TO old_voucher;
CREATE TABLE voucher (
    manufacturer  TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    sha256        BLOB NOT NULL,
    artifact      BLOB NOT NULL,
    log           INTEGER NOT NULL,           -- where it is on record that it was stored
    leaf          INTEGER NOT NULL,
    created_on    INTEGER,                    -- Unix seconds
    expires_on    INTEGER,
    nonce         BLOB,
    pinned        BLOB,                       -- SHA-256 of the certificate
    PRIMARY KEY (manufacturer, serial_number, sha256)
) STRICT;
CREATE INDEX voucher_serial_number ON voucher (serial_number);
CREATE INDEX voucher_expires_on ON voucher (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE certificate (
    authority     TEXT NOT NULL,
    serial        BLOB NOT NULL,               -- of the certificate, as in its DER
    profile       TEXT NOT NULL,               -- the profile that it was issued by
    manufacturer  TEXT,                        -- of a device on the owner's list
    serial_number TEXT,                        -- of the device that holds it
    key_sha256    BLOB NOT NULL,
    request       BLOB,                        -- SHA-256 of what it answers
    not_after     INTEGER NOT NULL,            -- seconds since 1970
    at            INTEGER NOT NULL,
    leaf          INTEGER NOT NULL,
    der           BLOB NOT NULL,
    PRIMARY KEY (authority, serial)
) STRICT;

CREATE INDEX certificate_key ON certificate (key_sha256);
CREATE INDEX certificate_request ON certificate (request) WHERE request IS NOT NULL;
CREATE INDEX certificate_holder ON certificate (serial_number) WHERE serial_number IS NOT NULL;

CREATE TABLE revocation (
    authority TEXT NOT NULL,
    serial    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    reason    TEXT NOT NULL,                   -- as RFC 5280 spells it
    not_after INTEGER NOT NULL,
    PRIMARY KEY (authority, serial)
) STRICT;

CREATE TABLE masa_owner (
    name     TEXT NOT NULL PRIMARY KEY,
    log      INTEGER NOT NULL,
    leaf     INTEGER NOT NULL,
    document TEXT NOT NULL                     -- JSON: contact and certificates
) STRICT, WITHOUT ROWID;

CREATE TABLE masa_line (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL                     -- JSON: what all devices of the line have in common
) STRICT, WITHOUT ROWID;

CREATE TABLE made_device (
    serial_number TEXT NOT NULL,
    line          TEXT NOT NULL,
    ownership     TEXT NOT NULL,               -- unsold, owned or released
    owner         TEXT,
    recipient     TEXT,                        -- to whom it is released
    since         INTEGER,                     -- seconds since 1970
    PRIMARY KEY (serial_number, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE made_device_deed (
    serial_number TEXT NOT NULL,
    line          TEXT NOT NULL,
    log           INTEGER NOT NULL,
    leaf          INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    deed          TEXT NOT NULL,               -- JSON
    PRIMARY KEY (serial_number, line, log, leaf)
) STRICT, WITHOUT ROWID;

CREATE TABLE issued_voucher (
    serial_number TEXT NOT NULL,
    sha256        BLOB NOT NULL,               -- of the artifact
    line          TEXT,                        -- of a device on record
    claim         BLOB NOT NULL,
    request       BLOB,                        -- SHA-256 of what it answers
    owner         TEXT,
    expires_on    INTEGER,                     -- seconds since 1970
    domain_id     BLOB NOT NULL,
    nonce         TEXT,                        -- base64
    assertion     TEXT NOT NULL,
    at            INTEGER NOT NULL,
    log           INTEGER NOT NULL,
    leaf          INTEGER NOT NULL,
    artifact      BLOB NOT NULL,
    PRIMARY KEY (serial_number, sha256)
) STRICT;

CREATE TABLE voucher_claim (
    claim         BLOB NOT NULL PRIMARY KEY,
    serial_number TEXT NOT NULL,
    pinned        BLOB NOT NULL,               -- SHA-256 of the certificate
    asked_by      TEXT NOT NULL,
    is_registrar  INTEGER NOT NULL,            -- whether asked_by is an owner: 1, or a person: 0
    asked_at      INTEGER NOT NULL,            -- seconds since 1970
    approved_by   TEXT,
    approved_at   INTEGER
) STRICT;

CREATE INDEX voucher_claim_device ON voucher_claim (serial_number);
CREATE INDEX voucher_claim_waiting ON voucher_claim (asked_at, claim) WHERE approved_by IS NULL;

-- What a factory is to make. What an order says never changes.
CREATE TABLE production_order (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,                    -- JSON
    closed   TEXT                              -- why, once it is
) STRICT;

CREATE TABLE production_unit (
    production_order TEXT NOT NULL,
    serial_number    TEXT NOT NULL,
    endorsement_key  BLOB,                     -- SHA-256 that the unit's TPM has to prove
    certificate      BLOB,                     -- serial number of the one that it got last
    station          TEXT,                     -- where
    rework           TEXT,                     -- why it may have one more
    PRIMARY KEY (production_order, serial_number)
) STRICT;

UPDATE schema_version SET version = 4;
