-- The roles of the whole cluster. Plain psql, safe to run again and at the same time:
--   psql -v ON_ERROR_STOP=1 -v identity_migrator_password=... (one per login role below) -f roles.sql
-- Then database.sql for every database. `local_stack.roles` renders the same two files for asyncpg.
--
-- <context>_owner     owns the schema and its tables; nobody logs in as it
-- <context>_migrator  logs in only to migrate, and acts as the owner
-- <context>_api, _worker (and ledger_signer)  log in and touch rows, never tables
BEGIN;
-- Roles are shared by all databases, and two who change one at once would fail ("tuple concurrently updated").
SELECT pg_advisory_xact_lock(7351024);
-- Passwords stand in these statements: a slow or failing one must not reach the server's log.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'identity_owner', 'programs_owner', 'applications_owner', 'ledger_owner', 'feed_owner'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
    FOREACH role_name IN ARRAY ARRAY[
        'identity_migrator', 'identity_api', 'identity_worker',
        'programs_migrator', 'programs_api', 'programs_worker',
        'applications_migrator', 'applications_api', 'applications_worker',
        'ledger_migrator', 'ledger_api', 'ledger_worker', 'ledger_signer',
        'feed_migrator', 'feed_api', 'feed_worker'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        END IF;
    END LOOP;
END
$$;

ALTER ROLE identity_migrator PASSWORD :'identity_migrator_password';
ALTER ROLE identity_api PASSWORD :'identity_api_password';
ALTER ROLE identity_worker PASSWORD :'identity_worker_password';
ALTER ROLE programs_migrator PASSWORD :'programs_migrator_password';
ALTER ROLE programs_api PASSWORD :'programs_api_password';
ALTER ROLE programs_worker PASSWORD :'programs_worker_password';
ALTER ROLE applications_migrator PASSWORD :'applications_migrator_password';
ALTER ROLE applications_api PASSWORD :'applications_api_password';
ALTER ROLE applications_worker PASSWORD :'applications_worker_password';
ALTER ROLE ledger_migrator PASSWORD :'ledger_migrator_password';
ALTER ROLE ledger_api PASSWORD :'ledger_api_password';
ALTER ROLE ledger_worker PASSWORD :'ledger_worker_password';
ALTER ROLE ledger_signer PASSWORD :'ledger_signer_password';
ALTER ROLE feed_migrator PASSWORD :'feed_migrator_password';
ALTER ROLE feed_api PASSWORD :'feed_api_password';
ALTER ROLE feed_worker PASSWORD :'feed_worker_password';

-- A migrator has nothing of its own: it acts as the owner or not at all.
GRANT identity_owner TO identity_migrator WITH INHERIT FALSE, SET TRUE;
GRANT programs_owner TO programs_migrator WITH INHERIT FALSE, SET TRUE;
GRANT applications_owner TO applications_migrator WITH INHERIT FALSE, SET TRUE;
GRANT ledger_owner TO ledger_migrator WITH INHERIT FALSE, SET TRUE;
GRANT feed_owner TO feed_migrator WITH INHERIT FALSE, SET TRUE;
COMMIT;
