import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

/** Sends back what comes, unread: the least that passing bodies through a server in Node can cost. Prints its address. */
const server = createServer({
  streamResetBurst: 1e9,
  streamResetRate: 1e9,
  settings: { initialWindowSize: 2 ** 24, maxConcurrentStreams: 4096 },
});
server.on("session", (session) => session.setLocalWindowSize(2 ** 26));
server.on("stream", (stream) => {
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" });
  stream.on("data", (chunk: Buffer) => stream.write(chunk));
});
server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.on("end", () => process.exit(0)).resume();
