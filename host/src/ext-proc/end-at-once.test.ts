import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createConnection, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { canEndAtOnce, endAtOnce } from "./end-at-once.ts";
import { beginCall } from "./grpc-http2.ts";

const frameHeaderBytes = 9;
const settings = 0x4;
const windowUpdate = 0x8;
const [data, headers] = [0x0, 0x1];
const [endStream, endHeaders] = [0x1, 0x4];

let server: Http2Server;
let socket: Socket;
afterEach(() => {
  socket.destroy();
  server.close();
});

function toFrame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(frameHeaderBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** Opens a stream by hand, so that the test sees what comes in one read; the server's side of it is returned. */
async function openStream(): Promise<ServerHttp2Stream> {
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  socket = createConnection((server.address() as AddressInfo).port, "127.0.0.1");
  const wide = Buffer.from("00047fffffff", "hex");
  const call = [
    literal(":method", "POST"),
    literal(":path", "/"),
    literal(":scheme", "http"),
    literal(":authority", "a"),
  ];
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(toFrame(settings, 0, 0, wide));
  socket.write(toFrame(windowUpdate, 0, 0, Buffer.from("3fffffff", "hex")));
  socket.write(toFrame(headers, endHeaders, 1, Buffer.concat(call)));
  const [stream] = (await once(server, "stream")) as [ServerHttp2Stream];
  stream.on("error", () => {});
  return stream;
}

/** Types of the frames of the first read that holds `DATA`; one that ends the stream counts as `end`. */
function readWithData(): Promise<readonly (number | "end")[]> {
  return new Promise((resolve) => {
    socket.on("data", (read: Buffer) => {
      const types: (number | "end")[] = [];
      for (let at = 0; at < read.length; at += frameHeaderBytes + read.readUIntBE(at, 3)) {
        types.push(((read[at + 4] ?? 0) & endStream) === 0 ? (read[at + 3] ?? 0) : "end");
      }
      if (types.includes(data)) resolve(types);
    });
  });
}

it("sends the end of a call in one piece with its last bytes, whatever the event loop does next", async () => {
  const stream = await openStream();
  const read = readWithData();
  beginCall(stream);
  expect(endAtOnce(stream, [Buffer.from("last "), Buffer.from("bytes")], () => {})).toBe(true);
  expect((await read).slice(-1)).toEqual(["end"]);
});

it("tells when the bytes have left", async () => {
  const stream = await openStream();
  beginCall(stream);
  await new Promise<void>((resolve) => endAtOnce(stream, [Buffer.from("a")], resolve));
});

it("does nothing where the stream has ended already", async () => {
  const stream = await openStream();
  beginCall(stream);
  stream.end();
  expect(canEndAtOnce(stream)).toBe(false);
  expect(endAtOnce(stream, [Buffer.from("a")], () => {})).toBe(false);
});
