-- What is on record of a client is asked for by its name: an import must not put an older lease over a newer one, and an explanation is
-- about one client among many.

CREATE INDEX dhcp_lease_client ON dhcp_lease (client);

UPDATE schema_version SET version = 7;
