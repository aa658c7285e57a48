"""moto's S3 with a bucket in it: s3.py PORT"""

import logging
import sys

from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

ACCOUNT = "123456789012"

logging.getLogger("werkzeug").setLevel(logging.ERROR)
s3_backends[ACCOUNT]["aws"].create_bucket("tertulia", "us-east-1")
app = DomainDispatcherApplication(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
