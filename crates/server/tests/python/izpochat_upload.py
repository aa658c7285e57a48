"""What IzpoChat's own document shows of files, with `requests`: a PDF is uploaded
as a form, and a message with it is said in room 1. Prints the file's address.

Usage: izpochat_upload.py http://HOST:PORT TOKEN, in a folder with document.pdf
"""

import sys

import requests

PATIENCE = 60

address, token = sys.argv[1:]
bearer = {"Authorization": f"Bearer {token}"}

# Nothing is said of the part's type: so does `requests` with a file.
with open("document.pdf", "rb") as document:
    answer = requests.post(
        f"{address}/api/uploads/",
        files={"file": document},
        headers=bearer,
        timeout=PATIENCE,
    )
assert answer.status_code == 201, answer.text
uploaded = answer.json()
assert uploaded["original_filename"] == "document.pdf", uploaded

message = {"content": "Va el documento", "room_id": 1, "file_id": uploaded["id"]}
answer = requests.post(
    f"{address}/api/rooms/1/messages", json=message, headers=bearer, timeout=PATIENCE
)
assert answer.status_code == 201, answer.text
said = answer.json()
assert said["file_id"] == uploaded["id"], said
assert said["file"]["public_url"] == uploaded["public_url"], said

# Whoever shows it has no token to send.
answer = requests.get(uploaded["public_url"], timeout=PATIENCE)
with open("document.pdf", "rb") as document:
    assert answer.content == document.read(), answer.text
print(uploaded["public_url"])
