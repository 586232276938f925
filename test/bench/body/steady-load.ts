import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { type AnswerKind, connectGateway, onAnswers, openStream } from "../exchange.ts";
import type { LongExchange } from "./long-requests.ts";

/** A load that has become steady before anything is measured. */
export interface SteadyLoad {
  /** `ip:port` of an ext_proc server, plaintext. */
  readonly address: string;
  readonly ratePerS: number;
  /** Events of each response, and how far apart they come, in ms. */
  readonly chunks: number;
  readonly gapMs: number;
  /** Time measured, in s. */
  readonly seconds: number;
  /** What the server does: answers as ext_proc, lets go behind the request, or sends back what comes. */
  readonly server: "answers" | "letsGo" | "echoes";
}

/** What a steady load showed. */
export interface SteadyResult {
  /** Requests that began while it was measured, and as many ended. */
  readonly requests: number;
  readonly failed: number;
  /** What `measure` said grew by. */
  readonly grown: number;
}

const tickMs = 1;
/** Time for what is behind the last event, in s. */
const marginS = 0.5;

/** Sends requests at even distances until as many end as begin, then measures. */
export async function runSteadyLoad(
  load: SteadyLoad,
  exchanges: readonly LongExchange[],
  measure: () => number,
): Promise<SteadyResult> {
  const session = await connectGateway(load.address);
  session.setLocalWindowSize(2 ** 26);
  const warmS = marginS + (load.server === "letsGo" ? 0 : (load.chunks * load.gapMs) / 1000);
  const open = new Set<LongCall>();
  const startedMs = performance.now();
  const elapsedS = () => (performance.now() - startedMs) / 1000;
  let sent = 0;
  let failed = 0;
  const ticker = setInterval(() => {
    const nowMs = performance.now();
    while (sent < elapsedS() * load.ratePerS) {
      const call = new LongCall(session, exchanges[sent++ % exchanges.length] as LongExchange, load, (isWell) => {
        open.delete(call);
        if (!isWell) failed++;
      });
      open.add(call);
    }
    for (const call of open) call.sendDue(nowMs);
  }, tickMs);
  await new Promise((resolve) => setTimeout(resolve, warmS * 1000));
  const from = { sent, value: measure(), failed };
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
  const requests = sent - from.sent;
  const grown = measure() - from.value;
  clearInterval(ticker);
  // Each lives for the warm-up at most: more than that are open where the server does not keep up.
  const late = Math.max(0, open.size - Math.ceil((warmS + marginS) * load.ratePerS));
  const result = { requests, grown, failed: failed - from.failed + late };
  session.destroy();
  return result;
}

/** Has a stream reset as Envoy does. */
const complete = new Error("complete");

/** One exchange whose response comes event by event. */
class LongCall {
  readonly #stream: ClientHttp2Stream;
  readonly #frames: LongExchange;
  readonly #load: SteadyLoad;
  #left: number;
  #nextMs = Number.POSITIVE_INFINITY;
  #isWell = false;

  constructor(session: ClientHttp2Session, frames: LongExchange, load: SteadyLoad, over: (isWell: boolean) => void) {
    this.#frames = frames;
    this.#load = load;
    this.#left = load.chunks;
    this.#stream = openStream(session);
    this.#stream.on("close", () => over(this.#isWell));
    if (load.server === "echoes") this.#countEchoes();
    else onAnswers(this.#stream, (kind) => this.#answered(kind));
    if (load.server === "letsGo") this.#stream.on("end", () => this.#finish());
    for (const frame of frames.request) this.#stream.write(frame);
  }

  /** Sends the events that are due, and the end behind the last one. */
  sendDue(nowMs: number): void {
    while (this.#nextMs <= nowMs) {
      this.#nextMs = this.#left > 0 ? this.#nextMs + this.#load.gapMs : Number.POSITIVE_INFINITY;
      this.#stream.write(this.#left-- > 0 ? this.#frames.chunk : this.#frames.end);
    }
  }

  #answered(kind: AnswerKind): void {
    if (kind === "requestEnd" && this.#load.server === "answers") this.#respond();
    else if (kind === "responseEnd") this.#finish();
    else if (kind === "refusal") this.#stream.destroy();
  }

  #countEchoes(): void {
    const { request, head, chunk, end } = this.#frames;
    const requestBytes = request.reduce((sum, { length }) => sum + length, 0);
    const allBytes = requestBytes + head.length + this.#load.chunks * chunk.length + end.length;
    let bytes = 0;
    this.#stream.on("data", ({ length }: Buffer) => {
      if (bytes < requestBytes && bytes + length >= requestBytes) this.#respond();
      bytes += length;
      if (bytes >= allBytes) this.#finish();
    });
  }

  #respond(): void {
    this.#stream.write(this.#frames.head);
    this.#nextMs = performance.now();
  }

  #finish(): void {
    this.#isWell = true;
    this.#stream.destroy(complete);
  }
}
