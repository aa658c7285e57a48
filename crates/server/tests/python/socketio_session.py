"""Speaks the example sessions of the contracts of UPRed and REDUP to a server,
with `python-socketio`, and fails on what differs.

Usage: socketio_session.py upred|redup URL TRANSPORT A B [GROUP], where A and B
are JSON: {"user_id": ..., "token": ... or nothing}.
"""

import json
import queue
import sys
from urllib.parse import quote

import socketio

PATIENCE = 60
TRANSPORTS = {
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
    "websocket": ["websocket"],
}


class Client:
    """A client that keeps what it hears, for each event by itself."""

    def __init__(self, name):
        self.name = name
        self.socket = socketio.Client(reconnection=False)
        self.heard = {}
        self.socket.on("*", self.hear)

    def hear(self, event, *arguments):
        if event != "tertulia:offset":
            self.queue(event).put(arguments)

    def queue(self, event):
        return self.heard.setdefault(event, queue.Queue())

    def connect(self, url, transport, person):
        user_id = person["user_id"]
        token = person.get("token")
        self.socket.connect(
            f"{url}?user_id={quote(user_id)}",
            transports=TRANSPORTS[transport],
            auth={"token": token} if token else None,
            wait_timeout=PATIENCE,
        )
        sid = self.socket.get_sid()
        self.expect("connected", status="connected", user_id=user_id, sid=sid)

    def emit(self, event, body):
        self.socket.emit(event, body)

    def expect(self, event, **expected):
        try:
            arguments = self.queue(event).get(timeout=PATIENCE)
        except queue.Empty:
            waiting = {name: heard.qsize() for name, heard in self.heard.items()}
            sys.exit(f"{self.name} waits for {event} and has {waiting}")
        if len(arguments) != 1:
            sys.exit(f"{self.name}: {event} has {len(arguments)} arguments")
        body = arguments[0]
        for key, value in expected.items():
            if body.get(key) != value:
                sys.exit(f"{self.name}: {key} of {event} is not {value!r}: {body}")
        return body

    def nothing_more(self):
        self.socket.call("nada", timeout=PATIENCE)
        unread = [name for name, heard in self.heard.items() if not heard.empty()]
        if unread:
            sys.exit(f"{self.name} has something unread: {unread}")


def upred(a, b, ana, beto, group):
    a.emit("join_direct_chat", {"other_user_id": beto})
    joined = a.expect("direct_chat_joined", status="ok", other_user_id=beto)
    room = joined["sala_uuid"]
    b.emit("join_direct_chat", {"other_user_id": ana})
    b.expect("direct_chat_joined", sala_uuid=room, sala_chat_id=joined["sala_chat_id"])

    sent = {
        "message": "¿Pasas los apuntes?",
        "timestamp": "2026-03-01T09:00:00.000Z",
        "type": "directo",
        "message_type": "texto",
        "sala_uuid": room,
    }
    a.emit("send_message", {**sent, "sender_id": ana})
    told = a.expect("receive_message", **sent, **{"from": ana}, url_archivo=None)
    message = {key: told[key] for key in ("mensaje_id", "mensaje_uuid")}
    b.expect("receive_message", **sent, **message, **{"from": ana})
    said = {**sent, "message": "Mensaje enviado y guardado en BD"}
    a.expect("ack", status="sent", sender_id=ana, **said, **message)

    mark = {"mensaje_id": told["mensaje_id"], "user_id": beto}
    b.emit("mark_delivered", mark)
    b.expect("delivery_confirmed", status="ok", **mark)
    b.emit("mark_read", mark)
    b.expect("read_confirmed", status="ok", **mark)

    a.emit("join_group", {"group_id": group})
    joined = a.expect("group_joined", status="ok", group_id=group)
    b.emit("join_group", {"group_id": group})
    b.expect("group_joined", group_id=group)
    visit = {"user_id": beto, "group_id": group}
    a.expect("user_joined_group", **visit, sala_uuid=joined["sala_uuid"])
    photo = {
        "message": "foto",
        "timestamp": "1772355700000",
        "type": "grupal",
        "message_type": "imagen",
        "url_archivo": "https://files.test/p.jpg",
        "sala_uuid": joined["sala_uuid"],
    }
    b.emit("send_message", {**photo, "sender_id": beto})
    for client in (a, b):
        client.expect("receive_message", **photo, **{"from": beto})
    b.expect("ack", status="sent")
    b.emit("leave_group", {"group_id": group})
    b.expect("group_left", status="ok", group_id=group)
    a.expect("user_left_group", **visit)

    b.emit("send_message", {"message": "x", "sender_id": beto, "type": "directo"})
    b.expect("ack", status="error", message="Faltan campos: sala_uuid, timestamp")
    b.emit("join_group", {"group_id": "999"})
    b.expect("error", message="No eres miembro de este grupo")


def redup(a, b, ana, beto, group):
    sent = {"to": beto, "sender_id": ana, "timestamp": "2026-02-22T18:00:00Z", "type": "text"}
    a.emit("send_message", {**sent, "message": "Traje las llaves"})
    words = {"message": "Traje las llaves", "message_type": "texto", "url_archivo": None}
    told = b.expect("receive_message", **sent, **words, **{"from": ana})
    stored = {key: told[key] for key in ("mensaje_id", "sala_chat_id")}
    said = {"status": "sent", "saved_to_db": True, "message": "Mensaje enviado y guardado en BD"}
    a.expect("ack", **sent, **stored, **said)
    a.nothing_more()

    for client, person in ((a, ana), (b, beto)):
        client.emit("join_group", {"group_id": group})
        client.expect("group_joined", status="ok", group_id=group, user_id=person)
    image = {"to": group, "sender_id": beto, "type": "image"}
    b.emit("send_message", {**image, "message": "https://files.test/p.png", "timestamp": "t"})
    for client in (a, b):
        client.expect("receive_message", **image, message_type="imagen")
    b.expect("ack", status="sent", to=group, message_type="imagen")

    mark = {"mensaje_id": told["mensaje_id"], "user_id": beto}
    b.emit("mark_delivered", mark)
    b.expect("delivery_confirmed", status="ok", **mark)
    a.emit("send_message", {"to": beto, "message": "x"})
    a.expect("ack", status="error", message="Faltan campos: sender_id, timestamp, type")


SESSIONS = {"upred": upred, "redup": redup}


def main(session, url, transport, ana, beto, group):
    people = [json.loads(ana), json.loads(beto)]
    clients = [Client("A"), Client("B")]
    for client, person in zip(clients, people):
        client.connect(url, transport, person)
    SESSIONS[session](*clients, *(person["user_id"] for person in people), group)
    expected = "polling" if transport == "polling" else "websocket"
    for client in clients:
        client.nothing_more()
        if client.socket.transport() != expected:
            sys.exit(f"{client.name} travels by {client.socket.transport()}")
        client.socket.disconnect()
    print("as in the contract")


main(*sys.argv[1:])
