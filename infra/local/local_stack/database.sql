-- One database: who may connect, a schema for each context, and what its roles may do there. Safe to run again:
--   psql -v ON_ERROR_STOP=1 -v database=impactnet -d impactnet -f database.sql
BEGIN;
SELECT pg_advisory_xact_lock(7351024);

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- identity
CREATE SCHEMA IF NOT EXISTS identity AUTHORIZATION identity_owner;
GRANT CONNECT ON DATABASE :"database" TO identity_migrator, identity_api, identity_worker;
GRANT USAGE ON SCHEMA identity TO identity_api, identity_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE identity_owner IN SCHEMA identity
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO identity_api, identity_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE identity_owner IN SCHEMA identity
    GRANT USAGE ON SEQUENCES TO identity_api, identity_worker;
ALTER ROLE identity_migrator IN DATABASE :"database" SET role = 'identity_owner';
ALTER ROLE identity_migrator IN DATABASE :"database" SET search_path = identity;
ALTER ROLE identity_api IN DATABASE :"database" SET search_path = identity;
ALTER ROLE identity_worker IN DATABASE :"database" SET search_path = identity;

-- programs
CREATE SCHEMA IF NOT EXISTS programs AUTHORIZATION programs_owner;
GRANT CONNECT ON DATABASE :"database" TO programs_migrator, programs_api, programs_worker;
GRANT USAGE ON SCHEMA programs TO programs_api, programs_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE programs_owner IN SCHEMA programs
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO programs_api, programs_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE programs_owner IN SCHEMA programs
    GRANT USAGE ON SEQUENCES TO programs_api, programs_worker;
ALTER ROLE programs_migrator IN DATABASE :"database" SET role = 'programs_owner';
ALTER ROLE programs_migrator IN DATABASE :"database" SET search_path = programs;
ALTER ROLE programs_api IN DATABASE :"database" SET search_path = programs;
ALTER ROLE programs_worker IN DATABASE :"database" SET search_path = programs;

-- applications
CREATE SCHEMA IF NOT EXISTS applications AUTHORIZATION applications_owner;
GRANT CONNECT ON DATABASE :"database" TO applications_migrator, applications_api, applications_worker;
GRANT USAGE ON SCHEMA applications TO applications_api, applications_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE applications_owner IN SCHEMA applications
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO applications_api, applications_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE applications_owner IN SCHEMA applications
    GRANT USAGE ON SEQUENCES TO applications_api, applications_worker;
ALTER ROLE applications_migrator IN DATABASE :"database" SET role = 'applications_owner';
ALTER ROLE applications_migrator IN DATABASE :"database" SET search_path = applications;
ALTER ROLE applications_api IN DATABASE :"database" SET search_path = applications;
ALTER ROLE applications_worker IN DATABASE :"database" SET search_path = applications;

-- ledger
CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION ledger_owner;
GRANT CONNECT ON DATABASE :"database" TO ledger_migrator, ledger_api, ledger_worker, ledger_signer;
GRANT USAGE ON SCHEMA ledger TO ledger_api, ledger_worker, ledger_signer;
-- No default privileges here: blocks and postings only grow, so the ledger's migrations grant table by table.
ALTER ROLE ledger_migrator IN DATABASE :"database" SET role = 'ledger_owner';
ALTER ROLE ledger_migrator IN DATABASE :"database" SET search_path = ledger;
ALTER ROLE ledger_api IN DATABASE :"database" SET search_path = ledger;
ALTER ROLE ledger_worker IN DATABASE :"database" SET search_path = ledger;
ALTER ROLE ledger_signer IN DATABASE :"database" SET search_path = ledger;

-- feed
CREATE SCHEMA IF NOT EXISTS feed AUTHORIZATION feed_owner;
GRANT CONNECT ON DATABASE :"database" TO feed_migrator, feed_api, feed_worker;
GRANT USAGE ON SCHEMA feed TO feed_api, feed_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE feed_owner IN SCHEMA feed
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO feed_api, feed_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE feed_owner IN SCHEMA feed
    GRANT USAGE ON SEQUENCES TO feed_api, feed_worker;
ALTER ROLE feed_migrator IN DATABASE :"database" SET role = 'feed_owner';
ALTER ROLE feed_migrator IN DATABASE :"database" SET search_path = feed;
ALTER ROLE feed_api IN DATABASE :"database" SET search_path = feed;
ALTER ROLE feed_worker IN DATABASE :"database" SET search_path = feed;

COMMIT;
