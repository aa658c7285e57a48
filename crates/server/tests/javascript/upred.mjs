// The example session of contracts/upred.md §7.
//
// Usage: upred.mjs URL TRANSPORT A B GROUP, where A and B are JSON: {user_id,
// token?}, and GROUP is a group that both are in.

import { strict as assert } from "node:assert";
import process from "node:process";
import { Client, TRANSPORTS, io, once, run } from "./session.mjs";

const [url, transport, a, b, group] = process.argv.slice(2);

async function connect(name, { user_id, token }) {
  const auth = token === undefined ? {} : { token };
  const options = { ...TRANSPORTS[transport], query: { user_id }, auth };
  const client = await Client.connect(name, url, options);
  await client.expect("connected", { status: "connected", user_id, sid: client.socket.id });
  return client;
}

run(async () => {
  const [ana, beto] = [JSON.parse(a), JSON.parse(b)];
  const [A, B] = [await connect("A", ana), await connect("B", beto)];

  A.emit("join_direct_chat", { other_user_id: beto.user_id });
  const joined = await A.expect("direct_chat_joined", {
    status: "ok",
    other_user_id: beto.user_id,
  });
  const { sala_uuid, sala_chat_id } = joined;
  assert.equal(joined.room, `chat_${sala_uuid}`);
  assert.equal(typeof sala_chat_id, "number");
  B.emit("join_direct_chat", { other_user_id: ana.user_id });
  await B.expect("direct_chat_joined", { sala_uuid, sala_chat_id, other_user_id: ana.user_id });

  const timestamp = "2026-03-01T09:00:00.000Z";
  A.emit("send_message", {
    sala_uuid,
    message: "¿Pasas los apuntes?",
    sender_id: ana.user_id,
    timestamp,
    type: "directo",
    message_type: "texto",
  });
  const told = {
    from: ana.user_id,
    message: "¿Pasas los apuntes?",
    type: "directo",
    message_type: "texto",
    timestamp,
    url_archivo: null,
    sala_uuid,
  };
  const received = await A.expect("receive_message", told);
  await B.expect("receive_message", { ...told, mensaje_id: received.mensaje_id });
  assert.match(received.enviado_en, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  const { mensaje_id, mensaje_uuid } = received;
  await A.expect("ack", {
    status: "sent",
    sender_id: ana.user_id,
    timestamp,
    type: "directo",
    message_type: "texto",
    mensaje_id,
    mensaje_uuid,
    sala_uuid,
    message: "Mensaje enviado y guardado en BD",
  });

  const mark = { mensaje_id, user_id: beto.user_id };
  B.emit("mark_delivered", mark);
  assert.deepEqual(await B.expect("delivery_confirmed"), { status: "ok", ...mark });
  B.emit("mark_read", mark);
  assert.deepEqual(await B.expect("read_confirmed"), { status: "ok", ...mark });

  A.emit("join_group", { group_id: group });
  const inGroup = await A.expect("group_joined", { status: "ok", group_id: group });
  assert.equal(inGroup.room, `group_${inGroup.sala_uuid}`);
  B.emit("join_group", { group_id: group });
  await B.expect("group_joined", { group_id: group });
  const visit = { user_id: beto.user_id, group_id: group };
  await A.expect("user_joined_group", { ...visit, sala_uuid: inGroup.sala_uuid });
  B.emit("send_message", {
    sala_uuid: inGroup.sala_uuid,
    message: "foto",
    sender_id: beto.user_id,
    timestamp: "1772355700000",
    type: "grupal",
    message_type: "imagen",
    url_archivo: "https://files.test/p.jpg",
  });
  for (const client of [A, B]) {
    await client.expect("receive_message", {
      from: beto.user_id,
      type: "grupal",
      message_type: "imagen",
      url_archivo: "https://files.test/p.jpg",
      timestamp: "1772355700000",
    });
  }
  await B.expect("ack", { status: "sent" });
  B.emit("leave_group", { group_id: group });
  assert.deepEqual(await B.expect("group_left"), { status: "ok", group_id: group });
  assert.deepEqual(await A.expect("user_left_group"), visit);

  B.emit("send_message", { message: "x", sender_id: beto.user_id, type: "directo" });
  const missing = { status: "error", message: "Faltan campos: sala_uuid, timestamp" };
  assert.deepEqual(await B.expect("ack"), missing);
  B.emit("join_group", { group_id: "999" });
  assert.deepEqual(await B.expect("error"), { message: "No eres miembro de este grupo" });

  const nobody = io(url, { ...TRANSPORTS[transport], forceNew: true, reconnection: false });
  const [refused] = await once(nobody, "connect_error");
  assert.equal(refused.message, "Connection rejected by server");
  nobody.close();

  const expected = transport === "polling" ? "polling" : "websocket";
  for (const client of [A, B]) {
    await client.nothingMore();
    assert.equal(client.transport(), expected);
    client.close();
  }
});
