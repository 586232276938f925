import type { ProcessingResponse } from "@outrider/protos/ext-proc";
import { postMessage, requestPart, responseMessage, responsePart } from "../../clients/envoy-messages.ts";
import { connectExtProc, type ExtProcCall, type ExtProcClient } from "../../clients/ext-proc.ts";
import { aborted, bad, type Ending, well } from "./ending.ts";
import { completion } from "./prompts.ts";
import type { RequestKind, Shot } from "./request-kind.ts";

/** Calls after which a connection is replaced, as gateways that restart do. */
const callsPerConnection = 200;

/** Requests of a gateway that leaves its streams in every phase, which a real one does by chance only. */
export interface DirectKinds {
  readonly kinds: readonly RequestKind[];
  close(): Promise<void>;
}

/** @param address `ip:port` of ext_proc, plaintext. */
export function createDirectKinds(address: string): DirectKinds {
  let client: ExtProcClient | undefined;
  let calls = 0;
  const open = (): ExtProcCall => {
    if (client === undefined || calls++ % callsPerConnection === 0) {
      void client?.close();
      client = connectExtProc(address);
    }
    return client.open();
  };
  return {
    kinds: [
      { name: "whole exchange", weight: 3, run: (shot) => exchange(open(), shot) },
      { name: "reset in some phase", weight: 4, run: (shot) => leave(open(), shot, "reset") },
      { name: "half-close in some phase", weight: 2, run: (shot) => leave(open(), shot, "half-close") },
      { name: "garbage in some phase", weight: 2, run: (shot) => leave(open(), shot, "garbage") },
    ],
    close: async () => client?.close(),
  };
}

/** What a gateway does one after the other; each waits for the answer it needs. */
const steps: readonly ((call: ExtProcCall, body: Buffer) => Promise<void>)[] = [
  async (call) => call.send(postMessage("/v1/completions", {})),
  async (call, body) => call.send(requestPart(body.subarray(0, body.length >> 1))),
  async (call, body) => call.send(requestPart(body.subarray(body.length >> 1))),
  async (call) => call.send(requestPart(Buffer.alloc(0), true)),
  (call) => receiveUntil(call, "requestBody"),
  async (call) => call.send(responseMessage("text/event-stream")),
  (call) => receiveUntil(call, "responseHeaders"),
  async (call) => call.send(responsePart(Buffer.from("data: {}\n\n"))),
  async (call) => call.send(responsePart(Buffer.alloc(0), true)),
  (call) => receiveUntil(call, "responseBody"),
];

async function exchange(call: ExtProcCall, shot: Shot): Promise<Ending> {
  const failure = await walk(call, shot, steps.length);
  call.reset();
  return failure ?? well;
}

/** Walks up to some phase, and leaves. */
async function leave(call: ExtProcCall, shot: Shot, way: "reset" | "half-close" | "garbage"): Promise<Ending> {
  const failure = await walk(call, shot, Math.floor(shot.random() * steps.length));
  if (way === "reset" || failure !== undefined) {
    call.reset();
    return failure ?? aborted;
  }
  if (way === "half-close") call.end();
  else call.sendBytes(garbage(shot.random));
  const isClosed = await Promise.race([call.status.then(() => true), goneBy(shot.tooLong)]);
  if (!isClosed) call.reset();
  return isClosed ? aborted : bad("silent", `the host keeps a stream open behind a ${way}`);
}

async function walk(call: ExtProcCall, { i, tooLong }: Shot, count: number): Promise<Ending | undefined> {
  const body = Buffer.from(completion(i, { stream: true }));
  const steady = async () => {
    for (const step of steps.slice(0, count)) await step(call, body);
    return undefined;
  };
  const late = goneBy(tooLong).then(() => bad("silent", "no answer of the host"));
  return Promise.race([steady().catch((error: Error) => bad("content", error.message)), late]);
}

async function receiveUntil(call: ExtProcCall, wanted: NonNullable<ProcessingResponse["response"]["case"]>) {
  for (;;) {
    const answer = await call.receive();
    if (answer?.response.case === wanted) return;
    if (answer === undefined) throw new Error(`the host ended a stream before ${wanted}`);
    if (answer.response.case === "immediateResponse") throw new Error(`refused: ${answer.response.value.details}`);
  }
}

/** A frame whose message is none: a field of the wrong type, or a length that leads nowhere. */
function garbage(random: () => number): Buffer {
  const bytes = Buffer.from(Array.from({ length: 24 }, () => 0x80 | Math.floor(random() * 256)));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function goneBy(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(false)));
}
