#!/bin/sh
# Makes roles, database, schemas and rights with the files that the local stack uses. Safe to run again.
# Needs psql, PGHOST, SECRETS (a folder with postgres_password and one <role>_password for each role) and SQL (the folder
# infra/local/local_stack).
set -eu
SECRETS=${SECRETS:-/secrets}
SQL=${SQL:-/sql}
PGPASSWORD=$(cat "$SECRETS/postgres_password")
export PGPASSWORD PGUSER=postgres PGCONNECT_TIMEOUT=10
psql() { command psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }

# psql reads the passwords itself: on its command line everybody on this machine could.
{
    for file in "$SECRETS"/*_password; do
        role_password=$(basename "$file")
        [ "$role_password" = postgres_password ] || echo "\\set $role_password \`cat $file\`"
    done
    cat "$SQL/roles.sql"
} | psql --dbname postgres
exists=$(psql --dbname postgres --tuples-only --no-align --command "SELECT 1 FROM pg_database WHERE datname = 'impactnet'")
[ "$exists" = 1 ] || psql --dbname postgres --command 'CREATE DATABASE impactnet'
psql --dbname impactnet --set database=impactnet --file "$SQL/database.sql"
