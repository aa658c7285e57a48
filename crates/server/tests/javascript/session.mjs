// What the example sessions need: a client that writes down what it hears and
// fails on what it does not expect. Over the official library, unmodified.

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import process from "node:process";

const PATIENCE = 60_000;

/** The library from the folder into which `cargo xtask test` installed it. */
const installed = createRequire(pathToFileURL(`${process.env.TERTULIA_TEST_JAVASCRIPT}/`));
export const { io } = installed("socket.io-client");

/** How a client may travel. */
export const TRANSPORTS = {
  polling: { transports: ["polling"] },
  upgrade: { transports: ["polling", "websocket"] },
  websocket: { transports: ["websocket"] },
};

/** One client of an example session. */
export class Client {
  constructor(name, socket) {
    this.name = name;
    this.socket = socket;
    this.heard = [];
    this.waiting = [];
    socket.onAny((event, ...rest) => {
      if (event !== "tertulia:offset") {
        this.heard.push([event, ...rest]);
        this.waiting.splice(0).forEach((wake) => wake());
      }
    });
  }

  /** Connects to `url` with a query and, perhaps, `auth`. */
  static async connect(name, url, options) {
    const socket = io(url, { forceNew: true, reconnectionDelay: 50, ...options });
    const client = new Client(name, socket);
    await once(socket, "connect");
    return client;
  }

  emit(event, body) {
    this.socket.emit(event, body);
  }

  /** The first unread event of this name; what comes of others stays unread. */
  async expect(event, expected) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const at = this.heard.findIndex(([name]) => name === event);
      if (at >= 0) {
        const [[, body, ...more]] = this.heard.splice(at, 1);
        assert.equal(more.length, 0, `${event} has one argument`);
        contains(body, expected, `${this.name} ← ${event}`);
        return body;
      }
      await this.news(deadline, event);
    }
  }

  news(deadline, event) {
    return new Promise((resolve, reject) => {
      const late = () =>
        reject(new Error(`${this.name} waits for ${event} and has ${JSON.stringify(this.heard)}`));
      const timer = setTimeout(late, Math.max(0, deadline - Date.now()));
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Everything that was on its way has arrived, and nothing is unread. */
  async nothingMore() {
    await new Promise((resolve) => this.socket.emit("nada", resolve));
    assert.deepEqual(this.heard, [], `${this.name} has something unread`);
  }

  transport() {
    return this.socket.io.engine.transport.name;
  }

  close() {
    this.socket.close();
  }
}

/** Whether every member of `expected` stands so in `body`. */
export function contains(body, expected = {}, what = "") {
  for (const [key, value] of Object.entries(expected)) {
    assert.deepEqual(body[key], value, `${what}: ${key} of ${JSON.stringify(body)}`);
  }
}

/** The next event of this name on an emitter. */
export function once(emitter, event) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${event} came`)), PATIENCE);
    emitter.once(event, (...rest) => {
      clearTimeout(late);
      resolve(rest);
    });
  });
}

/** Runs a session, and says that it went through. */
export async function run(session) {
  try {
    await session();
    console.log("as in the contract");
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
