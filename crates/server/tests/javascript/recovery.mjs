// Issue 3, criterion 4, with the official client: it is cut off, fifty messages
// arrive, the server is another one by then, and it gets all of them once and in
// order. The test at the other end moves things on, line by line over standard
// input, and hears of them over standard output.
//
// Usage: recovery.mjs URL USER_ID OTHER_ID

import { strict as assert } from "node:assert";
import { createInterface } from "node:readline";
import process from "node:process";
import { Client, TRANSPORTS, once, run } from "./session.mjs";

const [url, user_id, other] = process.argv.slice(2);
const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function order(expected) {
  const { value } = await orders.next();
  assert.equal(value, expected);
}

run(async () => {
  const options = { ...TRANSPORTS.websocket, query: { user_id } };
  const B = await Client.connect("B", url, options);
  await B.expect("connected");
  assert.equal(B.socket.recovered, false);
  B.emit("join_direct_chat", { other_user_id: other });
  await B.expect("direct_chat_joined");
  await once(B.socket, "tertulia:offset");
  const { id } = B.socket;
  console.log("open");
  await order("first");
  await B.expect("receive_message", { message: "first" });
  await once(B.socket, "tertulia:offset");

  // As when the network goes: no goodbye, and no way back until told.
  B.socket.io.reconnection(false);
  B.socket.io.engine.transport.ws.terminate();
  await once(B.socket, "disconnect");
  console.log("cut off");
  await order("return");
  B.socket.io.reconnection(true);
  B.socket.connect();
  await once(B.socket, "connect");
  assert.equal(B.socket.recovered, true);
  assert.equal(B.socket.id, id);
  await B.expect("connected", { sid: id });
  for (let number = 0; number < 50; number += 1) {
    await B.expect("receive_message", { message: String(number) });
  }
  await B.nothingMore();
  console.log("back");
  await order("last");
  await B.expect("receive_message", { message: "last" });
  await B.nothingMore();
  B.close();
});
