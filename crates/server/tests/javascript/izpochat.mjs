// What IzpoChat's own document shows of its socket: connect to room 1 with the
// token in the address, listen, say something, say that one is writing. Call for
// call as there, with what `WebSocket` does by itself; only that both are said
// once it is open, since `send` throws before. With the WebSocket of the
// browsers, or of the package `ws` where Node has none yet. Whoever starts this
// bounds its time.
//
// Usage: izpochat.mjs ws://HOST:PORT TOKEN USER

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import process from "node:process";

const installed = createRequire(pathToFileURL(`${process.env.TERTULIA_TEST_JAVASCRIPT}/`));
const WebSocket = globalThis.WebSocket ?? installed("ws").WebSocket;

const [address, token, user] = process.argv.slice(2);
const room = 1;
const heard = [];

const socket = new WebSocket(`${address}/api/ws/${room}?token=${token}`);

socket.onopen = function () {
  socket.send(JSON.stringify({ type: "message", content: "¡Buenas!", file_id: null }));
  socket.send(JSON.stringify({ type: "typing", typing: true }));
};

socket.onmessage = function (event) {
  const frame = JSON.parse(event.data);
  heard.push(frame);
  // The document's page stays; this one goes when it has heard itself.
  if (frame.type === "message") {
    socket.close(1000);
  }
};

socket.onclose = function (event) {
  assert.equal(event.code, 1000);
  const [welcome, online, said, ...more] = heard;
  assert.equal(welcome.type, "welcome");
  assert.equal(welcome.room_id, room);
  assert.equal(welcome.user_id, Number(user));
  assert.equal(online.type, "users_online");
  assert.ok(online.users.includes(Number(user)));
  assert.equal(online.count, online.users.length);
  assert.equal(said.content, "¡Buenas!");
  assert.equal(said.sender.id, Number(user));
  assert.equal(said.file_id, null);
  assert.deepEqual(more, [], "no word of one's own writing");
  console.log("as in the contract");
};
