#!/usr/bin/env bash
# Installs PostgreSQL's server where it is missing, for the tests of stores and clusters. Needs Debian or Ubuntu, and root
# or sudo. The server is not started: each test starts one of its own.
set -euo pipefail
if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; then exit 0; fi
fail() {
  echo "install-postgres: $1: install PostgreSQL's server (initdb, postgres) by hand and run this again" >&2
  exit 1
}
command -v apt-get >/dev/null || fail 'there is no apt-get here'
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail 'this is neither root nor is there sudo'
  root=(sudo)
fi
# Debian's package would make and start a cluster of its own.
mkdir_conf='mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf'
"${root[@]}" sh -c "$mkdir_conf" || fail "/etc/postgresql-common can't be written"
install() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold postgresql >/dev/null
}
install || { "${root[@]}" apt-get update && install; } || fail 'apt-get install postgresql failed'
