"""What IzpoChat's own document shows of files, with `requests`: a PDF is uploaded
as a form, and a message with it is said in room 1. Call for call as there: the
file as it was opened, with nothing said of its type, one header, and what
`requests` does by itself. Whoever starts this bounds its time.

Usage: izpochat_upload.py http://HOST:PORT TOKEN, in a folder with document.pdf
"""

import sys

import requests

address, token = sys.argv[1:]

with open("document.pdf", "rb") as document:
    form = {"file": document}
    bearer = {"Authorization": f"Bearer {token}"}
    uploading = requests.post(f"{address}/api/uploads/", files=form, headers=bearer)

uploaded = uploading.json()
print(uploaded["public_url"])

message = {"content": "Va el documento", "room_id": 1, "file_id": uploaded["id"]}
saying = requests.post(f"{address}/api/rooms/1/messages", json=message, headers=bearer)

# The document ends here; what it leaves to the eye is looked at.
assert uploading.status_code == 201, uploading.text
assert uploaded["original_filename"] == "document.pdf", uploaded
assert saying.status_code == 201, saying.text
said = saying.json()
assert said["file_id"] == uploaded["id"], said
assert said["file"]["public_url"] == uploaded["public_url"], said

# Whoever shows it has no token to send.
shown = requests.get(uploaded["public_url"])
with open("document.pdf", "rb") as document:
    assert shown.content == document.read(), shown.text
