-- What the DHCP servers have lent. Databases of earlier releases have lent nothing.

CREATE TABLE dhcp_lease (
    address   BYTEA NOT NULL PRIMARY KEY,       -- 4 or 6, then the address: in the order of addresses
    client    BYTEA NOT NULL,
    mac       TEXT COLLATE "C",
    host_name TEXT COLLATE "C",
    standing  TEXT COLLATE "C" NOT NULL,                   -- lent or conflict
    since     BIGINT NOT NULL,                -- seconds since 1970
    expires   BIGINT NOT NULL,
    version   BIGINT NOT NULL
);

CREATE INDEX dhcp_lease_version ON dhcp_lease (version);
CREATE INDEX dhcp_lease_expires ON dhcp_lease (expires);

-- The newest version of any lease. One row, once there is one; whoever writes leases has it locked until the end of the
-- transaction, so that versions become visible in their order.
CREATE TABLE dhcp_lease_head (
    number  BIGINT NOT NULL PRIMARY KEY CHECK (number = 1),
    version BIGINT NOT NULL
);

UPDATE schema_version SET version = 5;
