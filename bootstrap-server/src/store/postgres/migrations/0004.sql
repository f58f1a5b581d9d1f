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

CREATE TABLE masa_owner (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    log      BIGINT NOT NULL,
    leaf     BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL                     -- JSON: contact and certificates
);

CREATE TABLE masa_line (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT COLLATE "C" NOT NULL                     -- JSON: what all devices of the line have in common
);

CREATE TABLE made_device (
    serial_number TEXT COLLATE "C" NOT NULL,
    line          TEXT COLLATE "C" NOT NULL,
    ownership     TEXT COLLATE "C" NOT NULL,               -- unsold, owned or released
    owner         TEXT COLLATE "C",
    recipient     TEXT COLLATE "C",                        -- to whom it is released
    since         BIGINT,                     -- seconds since 1970
    PRIMARY KEY (serial_number, line)
);

CREATE TABLE made_device_deed (
    serial_number TEXT COLLATE "C" NOT NULL,
    line          TEXT COLLATE "C" NOT NULL,
    log           BIGINT NOT NULL,
    leaf          BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    deed          TEXT COLLATE "C" NOT NULL,               -- JSON
    PRIMARY KEY (serial_number, line, log, leaf)
);

CREATE TABLE issued_voucher (
    serial_number TEXT COLLATE "C" NOT NULL,
    sha256        BYTEA NOT NULL,               -- of the artifact
    line          TEXT COLLATE "C",                        -- of a device on record
    claim         BYTEA NOT NULL,
    request       BYTEA,                        -- SHA-256 of what it answers
    owner         TEXT COLLATE "C",
    expires_on    BIGINT,                     -- seconds since 1970
    domain_id     BYTEA NOT NULL,
    nonce         TEXT COLLATE "C",                        -- base64
    assertion     TEXT COLLATE "C" NOT NULL,
    at            BIGINT NOT NULL,
    log           BIGINT NOT NULL,
    leaf          BIGINT NOT NULL,
    artifact      BYTEA NOT NULL,
    PRIMARY KEY (serial_number, sha256)
);

CREATE TABLE voucher_claim (
    claim         BYTEA NOT NULL PRIMARY KEY,
    serial_number TEXT COLLATE "C" NOT NULL,
    pinned        BYTEA NOT NULL,               -- SHA-256 of the certificate
    asked_by      TEXT COLLATE "C" NOT NULL,
    is_registrar  BIGINT NOT NULL,            -- whether asked_by is an owner: 1, or a person: 0
    asked_at      BIGINT NOT NULL,            -- seconds since 1970
    approved_by   TEXT COLLATE "C",
    approved_at   BIGINT
);

CREATE INDEX voucher_claim_device ON voucher_claim (serial_number);
CREATE INDEX voucher_claim_waiting ON voucher_claim (asked_at, claim) WHERE approved_by IS NULL;

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
