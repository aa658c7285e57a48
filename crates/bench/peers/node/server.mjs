// A Socket.IO server as its documentation writes one, which relays what is said
// in a room; with a second argument, a PostgreSQL database's address, it stores
// each message first.
//
//   node server.mjs FOLDER [DATABASE]
//
// FOLDER holds the packages of package-lock.json.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, database] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { Server } = require("socket.io");

let store;
if (database) {
  const { Pool } = require("pg");
  const pool = new Pool({ connectionString: database, max: 10 });
  await pool.query(
    "CREATE TABLE IF NOT EXISTS messages (id BIGSERIAL PRIMARY KEY, room TEXT NOT NULL, " +
      "sender TEXT NOT NULL, text TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now())",
  );
  store = ({ room, sender, message }) =>
    pool.query({
      name: "store",
      text: "INSERT INTO messages (room, sender, text) VALUES ($1, $2, $3)",
      values: [room, sender, message],
    });
}

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.join(room);
    socket.emit("joined", room);
  });
  const relay = (said) => io.to(said.room).emit("new_message", said);
  socket.on("send_message", store ? (said) => store(said).then(() => relay(said)) : relay);
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(`WS server: ws://127.0.0.1:${http.address().port}`);
});
