// What IzpoChat's own document shows of its socket: connect with the token in
// the address, listen, say something, say that one is writing. With the
// WebSocket of the browsers, or of the package `ws` where Node has none yet.
//
// Usage: izpochat.mjs ws://HOST:PORT TOKEN ROOM USER

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import process from "node:process";

const PATIENCE = 60_000;

const installed = createRequire(pathToFileURL(`${process.env.TERTULIA_TEST_JAVASCRIPT}/`));
const WebSocket = globalThis.WebSocket ?? installed("ws").WebSocket;

const [address, token, room, user] = process.argv.slice(2);
setTimeout(() => assert.fail("nothing came any more"), PATIENCE).unref();

const socket = new WebSocket(`${address}/api/ws/${room}?token=${token}`);
const heard = [];

socket.onopen = () => {
  socket.send(JSON.stringify({ type: "message", content: "¡Buenas!", file_id: null }));
  socket.send(JSON.stringify({ type: "typing", typing: true }));
  socket.send(JSON.stringify({ type: "ping" }));
};

socket.onmessage = (event) => {
  const frame = JSON.parse(event.data);
  heard.push(frame);
  const told = heard.map(({ type }) => type);
  // A message comes once it is stored, an answer at once.
  if (told.includes("message") && told.includes("pong")) {
    socket.close(1000);
  }
};

socket.onclose = (event) => {
  assert.equal(event.code, 1000);
  const [welcome, online, ...rest] = heard;
  assert.equal(welcome.type, "welcome");
  assert.equal(welcome.room_id, Number(room));
  assert.equal(welcome.user_id, Number(user));
  assert.equal(online.type, "users_online");
  assert.ok(online.users.includes(Number(user)));
  assert.equal(online.count, online.users.length);
  const told = rest.map(({ type }) => type).sort();
  assert.deepEqual(told, ["message", "pong"]);
  const said = rest.find(({ type }) => type === "message");
  assert.equal(said.content, "¡Buenas!");
  assert.equal(said.sender.id, Number(user));
  assert.equal(said.file_id, null);
  console.log("as in the contract");
};
