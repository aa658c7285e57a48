"""What schemathesis cannot know of the server under test: three users with
tokens, and the ids of things that they have. Reads its address in FUZZ_URL.

Deterministic: what is chosen depends on the run's order of calls alone.
"""

import json
import os
import random
import urllib.request
from itertools import count

import schemathesis

URL = os.environ["FUZZ_URL"]
PASSWORD = "una-clave-de-prueba-9"
USERS = ["fuzz_ana", "fuzz_beto", "fuzz_caro"]

# Calls after which a token is of no more use.
ENDS_SESSIONS = {
    ("POST", "/v1/auth/logout"),
    ("PUT", "/v1/me/password"),
    ("DELETE", "/v1/sessions/{session_id}"),
    ("POST", "/api/auth/logout/"),
}

# A file's name in tus: nota.txt.
METADATA = "filename bm90YS50eHQ="

chance = random.Random(1)
numbers = count()
tokens = {}
known = {}
rooms_of_messages = {}


def ask(method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def upload(number, token):
    """A small text of one's own; its id."""
    head = 'Content-Disposition: form-data; name="file"; filename="nota.txt"'
    form = f"--x\r\n{head}\r\n\r\nHola {number}\r\n--x--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Authorization": f"Bearer {token}",
    }
    request = urllib.request.Request(URL + "/v1/files", form.encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())["id"]


def begin_upload(token):
    """The id of an upload of which nothing has come."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "1000",
        "Upload-Metadata": METADATA,
    }
    request = urllib.request.Request(URL + "/v1/files/tus", b"", headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Location"].rpartition("/")[2]


def register(name):
    return ask("POST", "/v1/auth/register", {"username": name, "password": PASSWORD})


def prepare():
    """Three users; Ana has rooms of each kind with messages, Beto is in them. She
    has files too, of which she has shown some."""
    ids = []
    for name in USERS:
        made = register(name)
        tokens[name] = made["access_token"]
        ids.append(made["user"]["id"])
    ana = tokens[USERS[0]]
    rooms = [
        {"kind": "group", "title": "Grupo", "members": [ids[1]]},
        {"kind": "direct", "members": [ids[1]]},
        {"kind": "channel", "title": "Canal", "visibility": "public"},
        {"kind": "group", "title": "Solo", "members": []},
    ]
    made = [ask("POST", "/v1/rooms", room, ana) for room in rooms]
    room_ids = [room["id"] for room in made]
    uuids = []
    for room in room_ids:
        for number in range(5):
            sent = ask("POST", f"/v1/rooms/{room}/messages", {"text": f"Hola {number}"}, ana)
            rooms_of_messages[sent["id"]] = room
            uuids.append(sent["uuid"])
    files = [upload(number, ana) for number in range(8)]
    shown = {"file_ids": files[:4]}
    sent = ask("POST", f"/v1/rooms/{room_ids[0]}/messages", shown, ana)
    rooms_of_messages[sent["id"]] = room_ids[0]
    invite = ask("POST", f"/v1/rooms/{room_ids[0]}/invites", {}, ana)
    known.update(
        user_id=ids,
        room_id=room_ids,
        chat=[room["uuid"] for room in made],
        message=uuids,
        username=USERS,
        message_id=list(rooms_of_messages),
        file_id=files + [begin_upload(token) for token in tokens.values()],
        code=[invite["code"]],
        emoji=["👍", "🎉"],
    )


prepare()


@schemathesis.serializer("application/offset+octet-stream")
def bytes_of_a_file(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Mostly things that are there: strangers' ids all get the same 404."""
    for name in path_parameters or {}:
        if name in known and chance.random() < 0.75:
            path_parameters[name] = chance.choice(known[name])
    room = rooms_of_messages.get((path_parameters or {}).get("message_id"))
    if room is not None and chance.random() < 0.9:
        path_parameters["room_id"] = room
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each call by the next of the three users, or by one made for it alone."""
    path = case.operation.path
    if path in ("/v1/auth/login", "/v1/auth/register", "/v1/auth/refresh"):
        return
    number = next(numbers)
    if path.startswith("/v1/files/tus") and chance.random() < 0.9:
        case.headers["Tus-Resumable"] = "1.0.0"
        case.headers["Upload-Metadata"] = METADATA
    if (case.method.upper(), path) in ENDS_SESSIONS:
        token = register(f"fuzz_{number}")["access_token"]
    else:
        token = tokens[USERS[number % len(USERS)]]
    case.headers["Authorization"] = f"Bearer {token}"
