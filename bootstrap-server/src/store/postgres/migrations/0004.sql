-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

-- What the certificates of a manufacturer's devices are like: JSON. Those of before do as IEEE 802.1AR says.
ALTER TABLE manufacturer ADD COLUMN identity TEXT NOT NULL DEFAULT '{}';

-- Revocation lists of manufacturers, as operators stored them.
CREATE TABLE revocation_list (
    manufacturer TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    digest       BYTEA NOT NULL,               -- SHA-256 of what follows
    lists        TEXT NOT NULL                -- PEM, one after another
);

-- A device may have several vouchers: renewed ones beside those before. What is beside the artifact is derived from it, by
-- the server, as it brings the database forward.
ALTER TABLE voucher RENAME TO old_voucher;
ALTER INDEX voucher_pkey RENAME TO old_voucher_pkey;
CREATE TABLE voucher (
    manufacturer  TEXT COLLATE "C" NOT NULL,
    serial_number TEXT COLLATE "C" NOT NULL,
    sha256        BYTEA NOT NULL,
    artifact      BYTEA NOT NULL,
    log           BIGINT NOT NULL,           -- where it is on record that it was stored
    leaf          BIGINT NOT NULL,
    created_on    BIGINT,                    -- Unix seconds
    expires_on    BIGINT,
    nonce         BYTEA,
    pinned        BYTEA,                       -- SHA-256 of the certificate
    PRIMARY KEY (manufacturer, serial_number, sha256)
);
CREATE INDEX voucher_serial_number ON voucher (serial_number);
CREATE INDEX voucher_expires_on ON voucher (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE certificate (
    authority     TEXT COLLATE "C" NOT NULL,
    serial        BYTEA NOT NULL,               -- of the certificate, as in its DER
    profile       TEXT COLLATE "C" NOT NULL,               -- the profile that it was issued by
    manufacturer  TEXT COLLATE "C",                        -- of a device on the owner's list
    serial_number TEXT COLLATE "C",                        -- of the device that holds it
    key_sha256    BYTEA NOT NULL,
    request       BYTEA,                        -- SHA-256 of what it answers
    not_after     BIGINT NOT NULL,            -- seconds since 1970
    at            BIGINT NOT NULL,
    leaf          BIGINT NOT NULL,
    der           BYTEA NOT NULL,
    PRIMARY KEY (authority, serial)
);

CREATE INDEX certificate_key ON certificate (key_sha256);
CREATE INDEX certificate_request ON certificate (request) WHERE request IS NOT NULL;
CREATE INDEX certificate_holder ON certificate (serial_number) WHERE serial_number IS NOT NULL;

CREATE TABLE revocation (
    authority TEXT COLLATE "C" NOT NULL,
    serial    BYTEA NOT NULL,
    at        BIGINT NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL,                   -- as RFC 5280 spells it
    not_after BIGINT NOT NULL,
    PRIMARY KEY (authority, serial)
);

-- What a factory is to make. What an order says never changes.
CREATE TABLE production_order (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,                    -- JSON
    closed   TEXT                              -- why, once it is
);

CREATE TABLE production_unit (
    production_order TEXT COLLATE "C" NOT NULL,
    serial_number    TEXT COLLATE "C" NOT NULL,
    endorsement_key  BYTEA,                     -- SHA-256 that the unit's TPM has to prove
    certificate      BYTEA,                     -- serial number of the one that it got last
    station          TEXT,                     -- where
    rework           TEXT,                     -- why it may have one more
    PRIMARY KEY (production_order, serial_number)
);

UPDATE schema_version SET version = 4;
