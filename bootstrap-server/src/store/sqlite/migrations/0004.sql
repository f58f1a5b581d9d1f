-- What an authority keeps, and what an owner knows about vouchers. Databases of earlier releases have issued nothing.

UPDATE schema_version SET version = 4;
