#!/bin/sh
# Runs once, on an empty data folder: the services' roles with their password. The migration finds them there.
set -eu
for service in identity school portfolio certification counseling submission bureau worker; do
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set role="svc_$service" --set password="$SERVICE_PASSWORD" <<'SQL'
create role :"role" login nosuperuser nobypassrls nocreatedb nocreaterole password :'password';
SQL
done
