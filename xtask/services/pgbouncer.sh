#!/bin/sh
# A private PgBouncer before a private PostgreSQL: pgbouncer.sh FOLDER PORT
#
# Connections are handed from one client to the next after every transaction
# (`pool_mode = transaction`), and prepared statements are not kept: a way in
# which hosted PostgreSQL is often offered. PgBouncer listens on 127.0.0.1:PORT,
# PostgreSQL on a Unix socket only; both end when whoever started them ends.
set -eu
folder=$1 port=$2

PATH="$PATH:/usr/sbin"
command -v pgbouncer >/dev/null || exit 127
services=$(cd "$(dirname "$0")" && pwd)

as=""
[ "$(id -u)" != 0 ] || as="--reuid=nobody --regid=nogroup --clear-groups"

mkdir -p "$folder"
[ -z "$as" ] || chown nobody:nogroup "$folder"
# A name, not a file: the path of a socket's file must be short.
SOCKETS="@tertulia-$port" "$services/postgres.sh" "$folder/postgres" "$port" &

cat >"$folder/pgbouncer.ini" <<END
[databases]
* = host=@tertulia-$port port=$port user=tertulia
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 40
server_reset_query =
server_login_retry = 1
log_connections = 0
log_disconnections = 0
log_stats = 0
END
# shellcheck disable=SC2086
exec setpriv $as --pdeathsig INT pgbouncer "$folder/pgbouncer.ini"
