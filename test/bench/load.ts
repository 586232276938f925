import { type ClientHttp2Session, connect } from "node:http2";
import { Worker } from "node:worker_threads";
import { fromBinary } from "@bufbuild/protobuf";
import { ProcessingResponseSchema } from "@outrider/protos/ext-proc";
import { build, type Histogram } from "hdr-histogram-js";
import { toFrame } from "../clients/ext-proc.ts";

/** One window of load. */
export interface Load {
  /** `ip:port` of an ext_proc server, plaintext. */
  readonly address: string;
  readonly ratePerS: number;
  readonly seconds: number;
}

/** What a window showed. */
export interface LoadResult {
  readonly decisions: number;
  readonly failed: number;
  /** Scheduled arrival to the answer to the request's headers, in µs. */
  readonly decisionUs: Histogram;
}

/**
 * Open loop: requests are sent when they are due, whether earlier ones are answered or not, and latency counts from the
 * due time. Each is what Envoy sends for a POST from an HTTP/1.1 client with a 1 kB answer, ended as Envoy ends it.
 */
export async function runLoad({ address, ratePerS, seconds }: Load, requests: readonly Buffer[]): Promise<LoadResult> {
  // Node half-closes before it resets, so that a last frame of the server crosses the reset; that is not to be counted.
  const options = { settings: { initialWindowSize: 1 << 20 }, maxSessionInvalidFrames: 1e9 };
  const session = connect(`http://${address}`, options);
  await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));
  const decisionUs = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const pending = new Set<Promise<void>>();
  let decisions = 0;
  let failed = 0;
  const startAt = performance.timeOrigin + performance.now() + 100;
  const worker = new Worker(new URL("ticker.ts", import.meta.url), { workerData: { ratePerS, seconds, startAt } });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.on("message", (dueAt: number) => {
      if (Number.isNaN(dueAt)) return resolve();
      const request = requests[decisions++ % requests.length] ?? Buffer.alloc(0);
      const exchange: Promise<void> = runExchange(session, request)
        .then((answeredAt) => decisionUs.recordValue(Math.max(1, Math.round((answeredAt - dueAt) * 1000))))
        .catch(() => void failed++)
        .then(() => void pending.delete(exchange));
      pending.add(exchange);
    });
  });
  await Promise.race([Promise.all(pending), new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
  session.destroy();
  await worker.terminate();
  return { decisions, failed: failed + pending.size, decisionUs };
}

const response = Buffer.concat([
  toFrame({
    request: {
      case: "responseHeaders",
      value: { headers: toHeaders({ ":status": "200", "content-type": "application/json" }) },
    },
  }),
  toFrame({ request: { case: "responseBody", value: { body: Buffer.alloc(1024, "a") } } }),
  toFrame({ request: { case: "responseBody", value: { endOfStream: true } } }),
]);

/** Headers as Envoy sends them, in `raw_value`. */
export function toHeaders(headers: Readonly<Record<string, string>>) {
  return { headers: Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) };
}

/** Has the stream reset with INTERNAL_ERROR and without a half-close, as Envoy does; `close` would half-close first. */
const asEnvoyResets = new Error("complete");

/** Resolves with the time of the decision, once the whole exchange is over. */
function runExchange(session: ClientHttp2Session, request: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let decidedAt = 0;
    let pending: Buffer = Buffer.alloc(0);
    stream.on("error", () => {});
    stream.on("close", () => (decidedAt === 0 ? reject(new Error("closed")) : resolve(decidedAt)));
    stream.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
        const end = 5 + pending.readUInt32BE(1);
        const answer = fromBinary(ProcessingResponseSchema, pending.subarray(5, end)).response;
        pending = pending.subarray(end);
        if (answer.case === "immediateResponse") return stream.destroy();
        if (answer.case === "requestHeaders") decidedAt = performance.timeOrigin + performance.now();
        if (isLast(answer, "requestBody")) stream.write(response);
        if (isLast(answer, "responseBody")) stream.destroy(asEnvoyResets);
      }
    });
    stream.write(request);
  });
}

type Answer = ReturnType<typeof fromBinary<typeof ProcessingResponseSchema>>["response"];

/** Whether this is the last part of a body. */
function isLast(answer: Answer, phase: "requestBody" | "responseBody"): boolean {
  if (answer.case !== phase) return false;
  const mutation = answer.value.response?.bodyMutation?.mutation;
  return mutation?.case === "streamedResponse" && mutation.value.endOfStream;
}
