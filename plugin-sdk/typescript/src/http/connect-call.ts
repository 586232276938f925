import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { maxFrameBytes, RpcFailure } from "@outrider/transport";
import { type Codec, type Method, toRefusal } from "./method.ts";

/** An answer to a call of Connect's. */
export interface ConnectAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Media type of the body. */
  readonly type: string;
  /** All of it. */
  readonly body: Uint8Array;
}

const codecs: Readonly<Record<string, Codec>> = { "application/json": "json", "application/proto": "proto" };

/** Answers a call with one message each way, over HTTP/1.1 or HTTP/2. @param method `undefined` = there is none. */
export async function answerConnect(
  method: Method | undefined,
  headers: IncomingHttpHeaders,
  body: IncomingMessage | ServerHttp2Stream,
  peer: object,
): Promise<ConnectAnswer> {
  try {
    if (method === undefined) throw new RpcFailure("unimplemented", "no such method here");
    if (method.kind === "stream") throw new RpcFailure("unimplemented", "served as gRPC over HTTP/2");
    const codec = codecOf(headers);
    if (Number(headers["content-length"] ?? 0) > maxFrameBytes) throw tooLarge();
    const message = await readBody(body);
    const type = codec === "json" ? "application/json" : "application/proto";
    return { status: 200, type, body: await method.call(message, codec, peer) };
  } catch (cause) {
    return refuseConnect(toRefusal(cause));
  }
}

const statuses: Readonly<Record<string, number>> = {
  canceled: 499,
  deadline_exceeded: 504,
  failed_precondition: 400,
  invalid_argument: 400,
  not_found: 404,
  permission_denied: 403,
  resource_exhausted: 429,
  unauthenticated: 401,
  unavailable: 503,
  unimplemented: 501,
};

/** A refusal as Connect writes it. */
export function refuseConnect({ rpcCode: code, message }: RpcFailure): ConnectAnswer {
  const body = Buffer.from(JSON.stringify({ code, message }));
  return { status: statuses[code] ?? 500, type: "application/json", body };
}

/** @throws {RpcFailure} for a body that is compressed or of another type. */
function codecOf(headers: IncomingHttpHeaders): Codec {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new RpcFailure("unimplemented", `no ${encoding} here: send it uncompressed`);
  const type = headers["content-type"]?.split(";", 1)[0]?.trim() ?? "";
  const codec = Object.hasOwn(codecs, type) ? codecs[type] : undefined;
  if (codec !== undefined) return codec;
  throw new RpcFailure(
    "unimplemented",
    `content type ${type || "missing"}: send application/json or application/proto`,
  );
}

/** @throws {RpcFailure} for more than the contract allows, or a body that breaks off. */
async function readBody(body: IncomingMessage | ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxFrameBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new RpcFailure("canceled", "the message broke off", 0, { cause });
  }
  if (bytes > maxFrameBytes) throw tooLarge();
  return Buffer.concat(chunks);
}

function tooLarge(): RpcFailure {
  return new RpcFailure("resource_exhausted", `a message has at most ${maxFrameBytes} bytes`);
}
