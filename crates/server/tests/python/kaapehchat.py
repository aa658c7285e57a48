"""Speaks the example session of the KaapehChat contract to a server, then with
a second device, in a group of three, and in a call from offer to end; fails on
the first frame that differs from the contract in any character.

Usage: kaapehchat.py ws://HOST:PORT/
"""

import asyncio
import json
import sys
import time

from websockets.asyncio.client import connect

PATIENCE = 60


def frame(kind, data):
    """A frame as the contract writes it: these keys, in this order, and no
    escapes for what is not ASCII."""
    return json.dumps({"type": kind, "data": data}, ensure_ascii=False, separators=(",", ":"))


class Client:
    def __init__(self, name, socket):
        self.name = name
        self.socket = socket

    async def send(self, kind, data):
        text = frame(kind, data)
        print(self.name, "→", text)
        await self.socket.send(text)

    async def receive(self):
        text = await asyncio.wait_for(self.socket.recv(decode=True), PATIENCE)
        print(self.name, "←", text)
        return text

    async def expect(self, kind, data):
        text, expected = await self.receive(), frame(kind, data)
        if text != expected:
            sys.exit(f"{self.name} expected {expected}\nand received {text}")

    async def data(self, kind):
        """The data of a frame in which the server chose something."""
        text = await self.receive()
        value = json.loads(text)
        if value["type"] != kind:
            sys.exit(f"{self.name} expected {kind}\nand received {text}")
        return value["data"]

    async def register(self, account):
        """Registers, and returns the token and the user's id."""
        await self.send("auth:register", account)
        answer = await self.data("auth:ok")
        token, user = answer["token"], answer["user"]["id"]
        if answer != {"token": token, "user": person(user, account)}:
            sys.exit(f"{self.name} received another user: {answer}")
        await self.expect("hello:ok", {"userId": user})
        return token, user


def person(user, account, status="online"):
    return {
        "id": user,
        "username": account["username"],
        "displayName": account["displayName"],
        "avatarUrl": None,
        "status": status,
    }


async def session(address):
    ines = {"displayName": "Inés Mora", "username": "ines", "email": "ines@lan.test", "password": "clave-nueva-9"}
    tomas = {"displayName": "Tomás", "username": "tomas", "password": "clave-nueva-8"}
    eva = {"displayName": "Eva", "username": "eva", "password": "clave-nueva-7"}

    async with connect(address) as socket:
        token_b, u_2 = await Client("B", socket).register(tomas)
    async with connect(address) as socket_a, connect(address) as socket_c:
        a, c = Client("A", socket_a), Client("C", socket_c)
        _, u_1 = await a.register(ines)
        _, u_3 = await c.register(eva)
        await a.send("chat:list", {})
        await a.expect("chat:list:ok", {"chats": []})
        async with connect(address) as socket_b:
            b = Client("B", socket_b)
            await b.send("hello", {"token": token_b})
            await b.expect("hello:ok", {"userId": u_2, "user": person(u_2, tomas)})
            chat, group = await conversation(a, b, c, (u_1, ines), (u_2, tomas))
            await calls(a, b, chat, u_1, u_2)
            async with connect(address) as socket_p:
                p = Client("P", socket_p)
                await p.send("hello", {"token": token_b})
                await p.expect("hello:ok", {"userId": u_2, "user": person(u_2, tomas)})
                await said(a, u_1, chat, "¿me lees en los dos?", [a, b, p])
                await said(p, u_2, chat, "sí", [a, b, p])
                await three(a, b, c, p, group, (u_1, u_2, u_3), eva)
        await a.expect("presence:update", {"userId": u_2, "status": "offline"})


async def conversation(a, b, c, first, second):
    """From the first search to the last refusal; returns the direct chat."""
    (u_1, ines), (u_2, tomas) = first, second
    await a.send("user:findByUsername", {"username": "tomas"})
    await a.expect("user:found", {"user": person(u_2, tomas)})

    await a.send("chat:createDirect", {"userId": u_2})
    created = await a.data("chat:created")
    c_1 = created["chat"]["id"]
    direct = {
        "id": c_1,
        "type": "direct",
        "title": "Tomás",
        "description": None,
        "members": [person(u_1, ines), person(u_2, tomas)],
    }
    if frame("x", created) != frame("x", {"chat": direct, "autoSelect": True}):
        sys.exit(f"A received another chat: {created}")
    await b.expect("chat:created", {"chat": {**direct, "title": "Inés Mora"}, "autoSelect": False})

    await b.send("room:join", {"chatId": c_1})
    await b.expect("room:join:ok", {"chatId": c_1})
    await b.expect("message:list:ok", {"chatId": c_1, "messages": []})

    await a.send("message:send", {"chatId": c_1, "kind": "text", "content": "¿café a las 5?"})
    heard = await a.data("message:receive")
    message = {
        "id": heard["id"],
        "chatId": c_1,
        "senderId": u_1,
        "kind": "text",
        "content": "¿café a las 5?",
        "createdAt": heard["createdAt"],
    }
    if frame("x", heard) != frame("x", message) or not isinstance(heard["createdAt"], int):
        sys.exit(f"A received another message: {heard}")
    await b.expect("message:receive", message)

    await a.send("presence:update", {"status": "busy"})
    for client in (a, b):
        await client.expect("presence:update", {"userId": u_1, "status": "busy"})

    await a.send("group:create", {"title": "Cafetal", "description": "turno tarde"})
    created = await a.data("group:created")
    group = {
        "id": created["chat"]["id"],
        "type": "group",
        "title": "Cafetal",
        "description": "turno tarde",
        "members": [person(u_1, ines, "busy")],
    }
    if frame("x", created) != frame("x", {"chat": group}):
        sys.exit(f"A received another group: {created}")
    await a.send("group:invite", {"groupId": group["id"], "userId": u_2})
    await a.expect("group:invite:ok", {"groupId": group["id"], "userId": u_2})
    group["members"].append(person(u_2, tomas))
    await b.expect("chat:created", {"chat": group, "autoSelect": False})

    await c.send("message:send", {"chatId": c_1, "content": "hola"})
    await c.expect("error", {"message": "No eres miembro de ese chat"})
    return c_1, group


async def said(sender, user, chat, content, readers):
    """A message that all of the readers hear, each once, in the same words."""
    await sender.send("message:send", {"chatId": chat, "kind": "text", "content": content})
    heard = await readers[0].data("message:receive")
    message = {
        "id": heard["id"],
        "chatId": chat,
        "senderId": user,
        "kind": "text",
        "content": content,
        "createdAt": heard["createdAt"],
    }
    if frame("x", heard) != frame("x", message):
        sys.exit(f"{readers[0].name} received another message: {heard}")
    for reader in readers[1:]:
        await reader.expect("message:receive", message)


async def three(a, b, c, p, group, users, eva):
    """The group's third member comes; P is the second member's other device."""
    u_1, u_2, u_3 = users
    await a.send("group:invite", {"groupId": group["id"], "userId": u_3})
    await a.expect("group:invite:ok", {"groupId": group["id"], "userId": u_3})
    group["members"].append(person(u_3, eva))
    for reader in (b, c, p):
        await reader.expect("chat:created", {"chat": group, "autoSelect": False})
    for sender, user in ((a, u_1), (b, u_2), (c, u_3)):
        await said(sender, user, group["id"], f"soy {sender.name}", [a, b, c, p])


async def calls(a, b, chat, u_1, u_2):
    offer = {"type": "offer", "sdp": "v=0…"}
    await a.send(
        "rtc:signal",
        {"type": "offer", "chatId": chat, "toUserId": u_2, "mode": "video", "payload": offer},
    )
    await b.expect(
        "rtc:signal",
        {"type": "offer", "chatId": chat, "fromUserId": u_1, "toUserId": u_2, "payload": offer, "mode": "video"},
    )
    answer, ice = {"type": "answer", "sdp": "v=0…"}, {"candidate": "candidate:1", "sdpMLineIndex": 0}
    signals = ((b, a, u_2, u_1, "answer", answer), (a, b, u_1, u_2, "ice", ice), (b, a, u_2, u_1, "ice", ice))
    for sender, reader, from_user, to_user, kind, payload in signals:
        await sender.send(
            "rtc:signal",
            {"type": kind, "chatId": chat, "toUserId": to_user, "mode": "video", "payload": payload},
        )
        await reader.expect(
            "rtc:signal",
            {
                "type": kind,
                "chatId": chat,
                "fromUserId": from_user,
                "toUserId": to_user,
                "payload": payload,
                "mode": "video",
            },
        )
    await b.send("rtc:signal", {"type": "end", "chatId": chat})
    await a.expect(
        "rtc:signal",
        {"type": "end", "chatId": chat, "fromUserId": u_2, "toUserId": None, "payload": None, "mode": None},
    )


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(session(sys.argv[1]))
    print(f"{time.monotonic() - began:.1f} s")
    print("every frame as in the contract")
