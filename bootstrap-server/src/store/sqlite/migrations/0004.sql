-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

-- What the certificates of a manufacturer's devices are like: JSON. Those of before do as IEEE 802.1AR says.
ALTER TABLE manufacturer ADD COLUMN identity TEXT NOT NULL DEFAULT '{}';

-- Revocation lists of manufacturers, as operators stored them.
CREATE TABLE revocation_list (
    manufacturer TEXT NOT NULL PRIMARY KEY,
    digest       BLOB NOT NULL,               -- SHA-256 of what follows
    lists        TEXT NOT NULL                -- PEM, one after another
) STRICT, WITHOUT ROWID;

UPDATE schema_version SET version = 4;
