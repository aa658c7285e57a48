#!/bin/sh
# A private S3 server: s3.sh FOLDER PORT
#
# Becomes moto's S3 with an empty bucket `tertulia`, in memory, on
# 127.0.0.1:PORT, which ends when whoever started it ends. Takes any key.
# PYTHON has the packages of xtask/requirements/services.txt.
set -eu
cd "$1"
exec setpriv --pdeathsig TERM "$PYTHON" "$(dirname "$0")/s3.py" "$2"
