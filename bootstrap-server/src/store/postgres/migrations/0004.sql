-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

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

UPDATE schema_version SET version = 4;
