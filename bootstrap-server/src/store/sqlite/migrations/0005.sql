-- What the DHCP servers have lent. Databases of earlier releases have lent nothing.

CREATE TABLE dhcp_lease (
    address   BLOB NOT NULL PRIMARY KEY,       -- 4 or 6, then the address: in the order of addresses
    client    BLOB NOT NULL,
    mac       TEXT,
    host_name TEXT,
    standing  TEXT NOT NULL,                   -- lent or conflict
    since     INTEGER NOT NULL,                -- seconds since 1970
    expires   INTEGER NOT NULL,
    version   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX dhcp_lease_version ON dhcp_lease (version);
CREATE INDEX dhcp_lease_expires ON dhcp_lease (expires);

-- The newest version of any lease. One row, once there is one.
CREATE TABLE dhcp_lease_head (
    number  INTEGER NOT NULL PRIMARY KEY CHECK (number = 1),
    version INTEGER NOT NULL
) STRICT;

UPDATE schema_version SET version = 5;
