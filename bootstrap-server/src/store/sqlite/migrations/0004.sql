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
