import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

/** A call in JSON without the request's body in it. */
export interface SplitCall {
  /** The rest of the message, JSON. */
  readonly message: Uint8Array;
  /** The body that stood in it in Base64. */
  readonly body: Uint8Array;
}

/**
 * Takes the body out of a Pick in JSON: of large ones Connect decodes the Base64 some ten times as slowly, and all other
 * decisions wait meanwhile.
 * @returns `undefined` where there is none, or something is wrong with it, for Connect to say what.
 */
export function splitCall(call: Uint8Array): SplitCall | undefined {
  const message = parse(call);
  if (typeof message !== "object" || message === null || !("body" in message)) return undefined;
  const { body, ...rest } = message;
  if (typeof body !== "string" || "facts" in rest || !isBase64(body)) return undefined;
  return { message: Buffer.from(JSON.stringify(rest)), body: Buffer.from(body, "base64") };
}

/** Puts a body into the answer to a Pick in JSON, whose other members are there. */
export async function joinAnswer(answer: UniversalServerResponse, body: Uint8Array): Promise<UniversalServerResponse> {
  const json = await readAll(answer.body ?? []);
  const member = `,"body":"${Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("base64")}"}`;
  const joined = Buffer.concat([json.subarray(0, -1), Buffer.from(member, "latin1")]);
  const header = new Headers(answer.header);
  header.set("content-length", String(joined.length));
  return { ...answer, header, body: toStream(joined) };
}

/** Of either alphabet, padded or not. */
function isBase64(text: string): boolean {
  return /^[\w+/-]*={0,2}$/.test(text) && text.replace(/=+$/, "").length % 4 !== 1;
}

function parse(json: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
  } catch {
    return undefined;
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

async function* toStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
