/**
 * Stands between a host and a plugin: `node cutter.ts FROM TO` carries bytes between two unix sockets, and drops all that
 * is open with each byte of its standard input. A process of its own, so that its descriptors are not the host's.
 */
import { connect, createServer, type Socket } from "node:net";

const [from, to] = process.argv.slice(2) as [string, string];
const open = new Set<Socket>();

createServer((near) => {
  const far = connect(to);
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      other.destroy();
    });
    socket.pipe(other);
  }
}).listen(from, () => process.stdout.write("ready\n"));

process.stdin.on("data", () => {
  for (const socket of open) socket.destroy();
});
process.stdin.on("end", () => process.exit(0));
