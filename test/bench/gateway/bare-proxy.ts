import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";

/**
 * The least a reverse proxy on undici does: each request, its body gathered, to the next of the endpoints in its
 * arguments, the response passed on as it comes. Prints its address.
 */
const endpoints = process.argv.slice(2);
const agent = new Agent({ connections: 256 });
let next = 0;

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => forward(request, response, Buffer.concat(parts)));
});
server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.on("end", () => process.exit(0)).resume();

function forward(
  { method = "GET", url: path = "/", headers }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
) {
  const { connection: _connection, host: _host, "content-length": _length, ...rest } = headers;
  const origin = `http://${endpoints[next++ % endpoints.length]}`;
  agent.dispatch(
    { origin, path, method: method as "GET", headers: rest, body: body.length === 0 ? null : body },
    {
      onRequestStart() {},
      onResponseStart(_, status, { connection: _connection, "keep-alive": _keepAlive, ...answered }) {
        response.writeHead(status, answered);
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return;
        controller.pause();
        response.once("drain", () => controller.resume());
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  );
}
