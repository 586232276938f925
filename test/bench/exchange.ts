import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

/** How a gateway ends a stream: as Envoy, or as grpc-js, which does not survive many resets, needs it. */
export type StreamEnd = "reset" | "half-close";

/** Has a stream reset with INTERNAL_ERROR and without a half-close, as Envoy does; `close` would half-close first. */
const asEnvoyResets = new Error("complete");

/** Connects to an ext_proc server, plaintext. @param address `ip:port`. */
export async function connectGateway(address: string): Promise<ClientHttp2Session> {
  // Node half-closes before it resets, so that a last frame of the server crosses the reset; that is not to be counted.
  const options = { settings: { initialWindowSize: 1 << 20 }, maxSessionInvalidFrames: 1e9 };
  const session = connect(`http://${address}`, options);
  await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));
  session.on("error", () => {});
  return session;
}

/** Opens an ext_proc stream. */
export function openStream(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  return stream;
}

/**
 * One whole exchange: the request's frames, and once they are answered the response's. Resolves with the time of the
 * decision when it is over; rejects where the stream ended before.
 */
export function runExchange(
  session: ClientHttp2Session,
  request: Buffer,
  response: Buffer,
  end: StreamEnd,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = openStream(session);
    let decidedAt = 0;
    let isAnswered = false;
    stream.on("close", () => (isAnswered ? resolve(decidedAt) : reject(new Error("the stream ended early"))));
    stream.on("end", () => void (isAnswered || stream.destroy()));
    onAnswers(stream, (kind) => {
      if (kind === "decision") decidedAt = performance.timeOrigin + performance.now();
      else if (kind === "requestEnd") stream.write(response);
      else if (kind === "refusal") stream.destroy();
      else if (kind === "responseEnd") {
        isAnswered = true;
        if (end === "half-close") stream.end();
        else stream.destroy(asEnvoyResets);
      }
    });
    stream.write(request);
  });
}

/** What an answer means to a gateway. */
export type AnswerKind = "decision" | "requestEnd" | "responseEnd" | "refusal" | "part";

const requestBodyTag = 0x1a;
/** First byte of an answer, by the field it sets; a decision's metadata goes in front of its headers. */
const kinds: Readonly<Record<number, AnswerKind | "body">> = {
  10: "decision",
  66: "decision",
  [requestBodyTag]: "body",
  34: "body",
  58: "refusal",
};
/** Fields of a part of a body: its bytes, and whether it is the last. */
const bodyTag = 0x0a;
const lastTag = 0x10;

/** Reads the answers of a stream, as cheaply as a gateway in Node can: bodies are only looked at for their ends. */
export function onAnswers(stream: ClientHttp2Stream, answered: (kind: AnswerKind) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const end = 5 + pending.readUInt32BE(1);
      const kind = kinds[pending[5] ?? 0] ?? "part";
      answered(kind === "body" ? bodyKind(pending.subarray(5, end)) : kind);
      pending = pending.subarray(end);
    }
  });
}

/** Whether a `streamed_response` is the last: four wrappers, then the body and `end_of_stream` in either order. */
function bodyKind(message: Buffer): AnswerKind {
  let at = 0;
  for (let wrapper = 0; wrapper < 4; wrapper++) at = readLength(message, at + 1).end;
  if (message[at] === bodyTag) {
    const { end, length } = readLength(message, at + 1);
    at = end + length;
  }
  if (message[at] !== lastTag) return "part";
  return message[0] === requestBodyTag ? "requestEnd" : "responseEnd";
}

/** A varint of lengths. */
function readLength(message: Buffer, from: number): { readonly length: number; readonly end: number } {
  let length = 0;
  let at = from;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { length, end: at };
  }
}
