// The example session of contracts/redup.md §7.
//
// Usage: redup.mjs URL TRANSPORT A B, where A and B are JSON: {user_id, token?}.

import { strict as assert } from "node:assert";
import process from "node:process";
import { Client, TRANSPORTS, run } from "./session.mjs";

const [url, transport, a, b] = process.argv.slice(2);
const GROUP = `grupo_lab_${transport}`;

async function connect(name, { user_id, token }) {
  const auth = token === undefined ? {} : { token };
  const options = { ...TRANSPORTS[transport], query: { user_id }, auth };
  const client = await Client.connect(name, url, options);
  await client.expect("connected", { status: "connected", user_id, sid: client.socket.id });
  return client;
}

run(async () => {
  const [ana, beto] = [JSON.parse(a).user_id, JSON.parse(b).user_id];
  const A = await connect("A", JSON.parse(a));
  const B = await connect("B", JSON.parse(b));

  const timestamp = "2026-02-22T18:00:00Z";
  const sent = { to: beto, sender_id: ana, timestamp, type: "text" };
  A.emit("send_message", { ...sent, message: "Traje las llaves" });
  const told = await B.expect("receive_message", {
    ...sent,
    from: ana,
    message: "Traje las llaves",
    message_type: "texto",
    url_archivo: null,
  });
  assert.match(told.enviado_en, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  const { mensaje_id, sala_chat_id } = told;
  await A.expect("ack", {
    ...sent,
    status: "sent",
    message_type: "texto",
    saved_to_db: true,
    mensaje_id,
    sala_chat_id,
    message: "Mensaje enviado y guardado en BD",
  });
  await A.nothingMore();

  for (const [client, user_id] of [[A, ana], [B, beto]]) {
    client.emit("join_group", { group_id: GROUP });
    await client.expect("group_joined", { status: "ok", group_id: GROUP, user_id });
  }
  B.emit("send_message", {
    to: GROUP,
    message: "https://files.test/plano.png",
    sender_id: beto,
    timestamp: "2026-02-22T18:05:00Z",
    type: "image",
  });
  const image = { to: GROUP, sender_id: beto, from: beto, type: "image", message_type: "imagen" };
  for (const client of [A, B]) {
    await client.expect("receive_message", image);
  }
  await B.expect("ack", { status: "sent", to: GROUP, type: "image", message_type: "imagen" });

  A.emit("send_message", {
    to: beto,
    message: "y esto",
    sender_id: ana,
    timestamp: "1771783500000",
    type: "directo",
    message_type: "texto",
  });
  await B.expect("receive_message", { message: "y esto", type: "directo", message_type: "texto" });
  await A.expect("ack", { status: "sent" });

  const mark = { mensaje_id, user_id: beto };
  B.emit("mark_delivered", mark);
  assert.deepEqual(await B.expect("delivery_confirmed"), { status: "ok", ...mark });

  // The name of a person used as that of a group hears nothing of the person.
  A.emit("join_group", { group_id: beto });
  // A number is that of a registered group, and nobody is in this one.
  const isNumber = /^\d+$/.test(beto);
  const answer = isNumber ? { message: "No eres miembro de este grupo" } : { group_id: beto };
  await A.expect(isNumber ? "error" : "group_joined", answer);
  B.emit("send_message", { ...sent, to: ana, sender_id: beto, message: "para ti" });
  await A.expect("receive_message", { message: "para ti" });
  await B.expect("ack", { status: "sent" });

  A.emit("send_message", { to: beto, message: "x" });
  const missing = { status: "error", message: "Faltan campos: sender_id, timestamp, type" };
  assert.deepEqual(await A.expect("ack"), missing);
  for (const client of [A, B]) {
    await client.nothingMore();
    client.close();
  }
});
