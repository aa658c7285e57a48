"""gcp-storage-emulator with a bucket in it: gcs.py PORT

The emulator knows Google's JSON API. Of the XML API, which our library speaks,
it knows whole reads and writes; here it learns the rest that is used: entity
tags, deletion, uploads in parts, and for the tests lists of both
(cloud.google.com/storage/docs/xml-api/reference-methods).
"""

import logging
import sys
import threading
import uuid
from functools import partial
from http import HTTPStatus, server
from xml.etree import ElementTree

from gcp_storage_emulator import server as emulator
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets, objects
from gcp_storage_emulator.storage import Storage

BUCKET = "tertulia"

# Parts of uploads that are not complete, by upload and number, and their keys.
uploads = {}
keys = {}
lock = threading.RLock()


class OneByOne(Storage):
    """The emulator serves one request at a time; here its storage does."""

    def create_file(self, *args, **options):
        with lock:
            return super().create_file(*args, **options)

    def get_file(self, *args, **options):
        with lock:
            return super().get_file(*args, **options)

    def get_file_obj(self, *args, **options):
        with lock:
            return super().get_file_obj(*args, **options)

    def delete_file(self, *args, **options):
        with lock:
            return super().delete_file(*args, **options)


class Assembled:
    """A request whose body is the parts of an upload, in their order."""

    def __init__(self, request, data):
        self._request = request
        self.data = data

    def __getattr__(self, name):
        return getattr(self._request, name)


def tag(request, response, storage):
    params = request.params
    found = storage.get_file_obj(params["bucket_name"], params["object_id"])
    response["ETag"] = '"{}"'.format(found["md5Hash"])
    response["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
    response["x-goog-generation"] = str(found.get("generation") or 1)


def xml(response, name, **members):
    root = ElementTree.Element(name)
    for member, text in members.items():
        ElementTree.SubElement(root, member).text = text
    response.write_file(ElementTree.tostring(root), content_type="application/xml")


def query(request, name):
    return (request.query.get(name) or [None])[0]


def is_query(request, name):
    return name in request.full_url.partition("?")[2].replace("=", "&").split("&")


def get(request, response, storage):
    objects.download(request, response, storage)
    if response.status != HTTPStatus.NOT_FOUND:
        tag(request, response, storage)


def put(request, response, storage):
    upload = query(request, "uploadId")
    if upload is None:
        objects.xml_upload(request, response, storage)
        if response.status == HTTPStatus.OK:
            tag(request, response, storage)
        return
    number = int(query(request, "partNumber"))
    with lock:
        if upload not in uploads:
            response.status = HTTPStatus.NOT_FOUND
            return
        uploads[upload][number] = request.data
    response["ETag"] = '"{}"'.format(number)


def post(request, response, storage):
    if is_query(request, "uploads"):
        upload = uuid.uuid4().hex
        with lock:
            uploads[upload] = {}
            keys[upload] = request.params["object_id"]
        xml(response, "InitiateMultipartUploadResult", UploadId=upload)
        return
    listed = ElementTree.fromstring(request.data)
    numbers = [int(number.text) for number in listed.iter() if number.tag.endswith("PartNumber")]
    with lock:
        parts = uploads.pop(query(request, "uploadId"), None)
    if parts is None or numbers != sorted(parts):
        response.status = HTTPStatus.BAD_REQUEST
        return
    whole = b"".join(parts[number] for number in numbers)
    objects.xml_upload(Assembled(request, whole), response, storage)
    tag(request, response, storage)
    xml(response, "CompleteMultipartUploadResult", ETag=response["ETag"])


def delete(request, response, storage):
    upload = query(request, "uploadId")
    response.status = HTTPStatus.NO_CONTENT
    if upload is not None:
        with lock:
            if uploads.pop(upload, None) is None:
                response.status = HTTPStatus.NOT_FOUND
        return
    try:
        storage.delete_file(request.params["bucket_name"], request.params["object_id"])
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND


def lists(request, response, storage):
    """The keys of a bucket that begin so; those of unfinished uploads."""
    of_uploads = is_query(request, "uploads")
    prefix = query(request, "prefix") or ""
    with lock:
        if of_uploads:
            found = [(keys[upload], upload) for upload in uploads]
        else:
            objects_there, _ = storage.get_file_list(request.params["bucket_name"], prefix)
            found = [(it["name"], None) for it in objects_there]
    root = ElementTree.Element(
        "ListMultipartUploadsResult" if of_uploads else "ListBucketResult"
    )
    for key, upload in sorted(found):
        if key.startswith(prefix):
            item = ElementTree.SubElement(root, "Upload" if of_uploads else "Contents")
            ElementTree.SubElement(item, "Key").text = key
            if of_uploads:
                ElementTree.SubElement(item, "UploadId").text = upload
    response.write_file(ElementTree.tostring(root), content_type="application/xml")


def main():
    logging.disable(logging.WARNING)
    *others, (path, _) = emulator.HANDLERS
    xml_api = {"GET": get, "PUT": put, "POST": post, "DELETE": delete}
    bucket = (r"^/(?P<bucket_name>[-.\w]+)$", {"GET": lists})
    emulator.HANDLERS = (*others, bucket, (path, xml_api))
    storage = OneByOne(use_memory_fs=True)
    buckets.create_bucket(BUCKET, storage)
    handler = partial(emulator.RequestHandler, storage)
    server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()


main()
