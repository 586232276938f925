import { type ClientHttp2Session, connect, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingMode_BodySendMode as BodySendMode } from "@outrider/protos/envoy-processing-mode";
import { ProcessingRequestSchema } from "@outrider/protos/ext-proc";
import { encodeFrame } from "@outrider/transport";
import { Registry } from "prom-client";
import type { Scheduler } from "../scheduling/types.ts";
import { createExtProcMetrics } from "./metrics.ts";
import { createExtProcServer } from "./server.ts";

/** How much synthetic traffic warms the request path. */
export interface WarmUpOptions {
  /** Decides as the real one does, and keeps nothing of it. */
  readonly scheduler: Scheduler;
  /** Requests at most. */
  readonly requests: number;
  /** Time at most, in ms. */
  readonly maxMs: number;
}

const concurrency = 16;
/** The server's last frame may cross the reset of a stream; Node's client would count 1,000 of them as an attack. */
const tolerant = { maxSessionInvalidFrames: 1e9 };

/**
 * Runs synthetic requests through a second ext_proc server of this process, so that the first real ones find compiled
 * code: without it the first seconds are several times slower.
 * @returns requests run.
 */
export async function warmUpExtProc({ scheduler, requests, maxMs }: WarmUpOptions): Promise<number> {
  const metrics = createExtProcMetrics(new Registry());
  const server = createExtProcServer({ scheduler, metrics, tls: undefined, health: undefined });
  const { port } = await server.listen("127.0.0.1", 0);
  const session = connect(`http://127.0.0.1:${port}`, { ...tolerant, settings: { enablePush: false } });
  session.on("error", () => {});
  const endAt = performance.now() + maxMs;
  const short = makeExchange("a request that nobody sent");
  const long = makeExchange("a request that nobody sent, long enough for some prefix blocks. ".repeat(32));
  let run = 0;
  const work = async () => {
    while (run < requests && performance.now() < endAt) await runExchange(session, run++ % 4 === 0 ? long : short);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  session.destroy();
  await server.close();
  return run;
}

interface Exchange {
  readonly request: Buffer;
  readonly response: Buffer;
}

const protocolConfig = {
  requestBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
  responseBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
};

/** What a gateway sends for a completion. */
function makeExchange(prompt: string): Exchange {
  const body = Buffer.from(JSON.stringify({ model: "warm-up", prompt, max_tokens: 1 }));
  const headers = (entries: Readonly<Record<string, string>>) => ({
    headers: { headers: Object.entries(entries).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) },
  });
  const requestHeaders = { ":method": "POST", ":path": "/v1/completions", "content-type": "application/json" };
  const responseHeaders = { ":status": "200", "content-type": "application/json" };
  return {
    request: Buffer.concat([
      toFrame({ request: { case: "requestHeaders", value: headers(requestHeaders) }, protocolConfig }),
      toFrame({ request: { case: "requestBody", value: { body } } }),
      toFrame({ request: { case: "requestBody", value: { endOfStream: true } } }),
    ]),
    response: Buffer.concat([
      toFrame({ request: { case: "responseHeaders", value: headers(responseHeaders) } }),
      toFrame({ request: { case: "responseBody", value: { body, endOfStream: true } } }),
    ]),
  };
}

function toFrame(message: Parameters<typeof create<typeof ProcessingRequestSchema>>[1]): Uint8Array {
  return encodeFrame(toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, message)));
}

/** One request and its response; over when the door has answered both, or refused. */
function runExchange(session: ClientHttp2Session, { request, response }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let answers = 0;
    stream.on("error", () => {});
    stream.on("close", resolve);
    stream.on("end", () => stream.close());
    stream.on("data", () => {
      answers++;
      if (answers === 1) stream.write(response);
      else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    stream.write(request);
  });
}
