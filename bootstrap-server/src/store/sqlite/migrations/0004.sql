-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

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

UPDATE schema_version SET version = 4;
