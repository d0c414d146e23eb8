#!/bin/sh
# Runs tacet with the database's password from a file, where one is named: it stands in no address then.
set -eu
if [ -n "${TACET_DB_PASSWORD_FILE:-}" ]; then
  PGPASSWORD=$(cat "$TACET_DB_PASSWORD_FILE")
  export PGPASSWORD
fi
exec node /opt/tacet/bin/tacet.js "$@"
