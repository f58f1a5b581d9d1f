-- Devices have UUIDs, by which DHCP recognises them. Nobody has written any down in a database of an earlier release.

ALTER TABLE device ADD COLUMN uuid TEXT COLLATE "C";
CREATE INDEX device_uuid ON device (uuid) WHERE uuid IS NOT NULL;

UPDATE schema_version SET version = 6;
