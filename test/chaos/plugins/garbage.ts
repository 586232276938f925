import { randomBytes } from "node:crypto";
import { createServer } from "node:net";

/** A plugin that answers everything with random bytes, for ever. */
const server = createServer((socket) => {
  socket.on("error", () => {});
  const timer = setInterval(() => socket.write(randomBytes(4096)), 5);
  socket.on("close", () => clearInterval(timer));
  socket.resume();
});
server.listen(process.env.OUTRIDER_PLUGIN_SOCKET);
