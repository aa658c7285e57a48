#!/bin/sh
# A private Google Cloud Storage: gcs.sh FOLDER PORT
#
# Becomes an emulator with an empty bucket `tertulia`, in memory, on
# 127.0.0.1:PORT, which ends when whoever started it ends. Asks for no
# credentials. PYTHON has the packages of xtask/requirements/services.txt.
set -eu
cd "$1"
exec setpriv --pdeathsig TERM "$PYTHON" "$(dirname "$0")/gcs.py" "$2"
