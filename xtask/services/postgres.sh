#!/bin/sh
# A private PostgreSQL: postgres.sh FOLDER PORT [durable]
#
# Makes a database cluster in FOLDER when there is none, and becomes its server
# on 127.0.0.1:PORT, which ends when whoever started it ends. Not flushed to the
# disk: tests kill processes, never the machine. User `tertulia`, no password.
# Where SOCKETS names a place for Unix sockets, it listens there instead. Where
# FOLDER has a `server.crt` and `server.key`, it offers TLS.
# With `durable` it is flushed, as in earnest, and has the first core: for benches.
set -eu
folder=$1 port=$2

newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH="$newest:$PATH"
command -v initdb postgres >/dev/null || exit 127

# PostgreSQL refuses to run as root.
as=""
[ "$(id -u)" != 0 ] || as="--reuid=nobody --regid=nogroup --clear-groups"

mkdir -p "$folder"
[ -z "$as" ] || chown nobody:nogroup "$folder"
cd "$folder"
if [ ! -e data ]; then
    rm -rf new
    # shellcheck disable=SC2086
    setpriv $as initdb --pgdata=new --username=tertulia --auth=trust --no-sync \
        --encoding=UTF8 --locale=C >initdb.log 2>&1
    mv new data
fi
flush=off pin=""
if [ "${3:-}" = durable ]; then
    flush=on pin="taskset -c 0"
fi
if [ -n "${SOCKETS:-}" ]; then
    set -- -c listen_addresses= -c "unix_socket_directories=$SOCKETS"
else
    set -- -c listen_addresses=127.0.0.1 -c unix_socket_directories=
fi
if [ -e server.crt ]; then
    # Its owner alone may read the key.
    [ -z "$as" ] || chown nobody:nogroup server.key
    chmod 600 server.key
    set -- "$@" -c ssl=on -c "ssl_cert_file=$PWD/server.crt" -c "ssl_key_file=$PWD/server.key"
fi
# SIGINT is its "fast" way to stop, SIGTERM would wait for its clients.
# shellcheck disable=SC2086
exec $pin setpriv $as --pdeathsig INT postgres -D data -p "$port" \
    "$@" -c max_connections=1000 \
    -c "fsync=$flush" -c "full_page_writes=$flush" -c shared_buffers=64MB -c max_wal_size=512MB \
    -c log_min_messages=fatal -c jit=off
