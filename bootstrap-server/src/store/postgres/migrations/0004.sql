-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

CREATE TABLE certificate (
    authority     TEXT COLLATE "C" NOT NULL,
    serial        BYTEA NOT NULL,               -- of the certificate, as in its DER
    kind          TEXT COLLATE "C" NOT NULL,               -- the profile that it was issued by
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

UPDATE schema_version SET version = 4;
