#!/bin/sh
# A private MariaDB: mariadb.sh FOLDER PORT
#
# Makes a data folder in FOLDER when there is none, and becomes its server on
# 127.0.0.1:PORT, which ends when whoever started it ends. Not flushed to the
# disk: tests kill processes, never the machine. User `tertulia`, no password.
# Where FOLDER has a `server.crt` and `server.key`, it offers TLS.
set -eu
folder=$1 port=$2

PATH="$PATH:/usr/sbin"
command -v mariadb-install-db mariadbd >/dev/null || exit 127

as=""
[ "$(id -u)" != 0 ] || as="--reuid=nobody --regid=nogroup --clear-groups"

mkdir -p "$folder"
[ -z "$as" ] || chown nobody:nogroup "$folder"
cd "$folder"
# A server that starts removes temporary tables of others from a shared folder.
mkdir -p tmp
[ -z "$as" ] || chown nobody:nogroup tmp
export TMPDIR="$PWD/tmp"
if [ ! -e data ]; then
    rm -rf new
    # shellcheck disable=SC2086
    setpriv $as mariadb-install-db --no-defaults --datadir="$PWD/new" \
        --auth-root-authentication-method=normal --skip-test-db >install.log 2>&1
    # The server takes one statement a line.
    printf '%s;\n' "CREATE USER IF NOT EXISTS tertulia@'%'" \
        "GRANT ALL ON *.* TO tertulia@'%' WITH GRANT OPTION" >users.sql
    [ -z "$as" ] || chown nobody:nogroup users.sql
    mv new data
fi
set --
if [ -e server.crt ]; then
    [ -z "$as" ] || chown nobody:nogroup server.key
    set -- "--ssl-cert=$PWD/server.crt" "--ssl-key=$PWD/server.key"
fi
# Its file grows by little, so that a full disk is felt before long.
# shellcheck disable=SC2086
exec setpriv $as --pdeathsig TERM mariadbd --no-defaults --datadir="$PWD/data" \
    --socket="$PWD/socket" --pid-file="$PWD/pid" --port="$port" --bind-address=127.0.0.1 \
    --skip-name-resolve --init-file="$PWD/users.sql" --max-connections=1000 \
    --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync --debug-no-sync \
    --innodb-file-per-table=0 --innodb-autoextend-increment=1 --innodb-buffer-pool-size=128M \
    --skip-log-bin --log-warnings=1 \
    "$@"
