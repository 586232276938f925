import type { CycleCall, CycleClock } from "@outrider/core";
import { type ErrorCode, type FeedbackEvent, type Need, OutriderError, type Reason } from "@outrider/core/contract";
import { toFactGrants } from "@outrider/transport";
import type { PluginEntry } from "../plugin-entry.ts";
import type { LinkedPlugin } from "../plugin-link.ts";
import { type CallView, inflightOf } from "./call-post.ts";
import { createCallQueue } from "./fair-queues.ts";
import { dataKeysOf } from "./granted-view.ts";
import { type Lane, shortestHangMs } from "./lane.ts";
import type { Declaration, ThreadAnswer } from "./messages.ts";
import type { PostedOrder } from "./posted-order.ts";
import { type CallOwner, takeValues, type WorkerCall } from "./worker-call.ts";

/** A plugin's code may hold a thread for so many times its budget. */
const hangBudgets = 10;

/** What a runner needs of its pool. */
export interface WorkerRunnerOptions {
  readonly entry: PluginEntry;
  /** Number of the instance on every thread, never used twice. */
  readonly instance: number;
  readonly clock: CycleClock;
  /** Sees in which order it is handed calls and events. */
  readonly posts: PostedOrder | undefined;
  /** A call waits: hands it to a thread that has room. */
  readonly dispatch: (runner: WorkerRunner) => void;
  /** All its calls are answered. */
  readonly idle: () => void;
}

const nothingSeen: CallView = { grants: toFactGrants([]), data: [], inflight: [] };

/** The calls of one plugin between the cycle and the threads: they wait here, within bounds, until one has room. */
export class WorkerRunner implements CallOwner {
  readonly instance: number;
  readonly name: string;
  readonly hangMs: number;
  view: CallView = nothingSeen;
  readonly #options: WorkerRunnerOptions;
  readonly #waiting = createCallQueue<WorkerCall>();
  /** Thread that each call was put to, for its events; kept only where there are some. */
  readonly #lanes = new Map<number, Lane>();
  #declaration: Declaration | undefined;
  #granted: readonly Need[] = [];
  #open = 0;
  #shed: OutriderError | undefined;

  constructor(options: WorkerRunnerOptions) {
    const { name, budgetMs } = options.entry.spec;
    this.#options = options;
    this.instance = options.instance;
    this.name = name;
    this.hangMs = Math.max(shortestHangMs, hangBudgets * budgetMs);
  }

  /** What its declaration says; `undefined` until it is known. */
  get declaration(): Declaration | undefined {
    return this.#declaration;
  }

  /** Calls put and not answered. */
  get open(): number {
    return this.#open;
  }

  /** Whether a call waits for a thread. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes what it is and may see; a plugin that does not listen gets no events, whatever it was granted. */
  admit(declaration: Declaration, granted: readonly Need[]): void {
    const data = dataKeysOf(granted, declaration.produces).map((key, i) => ({ id: i + 1, key }));
    this.#declaration = declaration;
    this.#granted = declaration.hasFeedback ? granted : granted.filter(({ key }) => !key.startsWith("events."));
    this.view = { grants: toFactGrants(granted), data, inflight: inflightOf(granted.map(({ key }) => key)) };
    this.#shed = undefined;
  }

  /** The threads as a connection that calls are put over. */
  linked(): LinkedPlugin {
    const { entry } = this.#options;
    return {
      entry,
      granted: this.#granted,
      produces: this.#declaration?.produces ?? [],
      scoreFromTable: () => false,
      score: (call, scores) => this.#put("scorer", call, [scores]),
      produce: (call, values) => this.#put("producer", call, values),
    };
  }

  /** Hands an event to the thread that was put its call. */
  tell(event: FeedbackEvent): void {
    const lane = this.#lanes.get(event.callId);
    if (event.kind === "done") this.#lanes.delete(event.callId);
    if (lane === undefined) return;
    this.#options.posts?.told(this.name, event);
    lane.tell(this.instance, event);
  }

  /** The oldest call whose budget has not ended; the others are answered here. */
  next(): WorkerCall | undefined {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      if (this.#options.clock.elapsedMs() < call.deadlineMs) return call;
      this.#expire(call);
    }
    return undefined;
  }

  sent({ call }: WorkerCall, lane: Lane): void {
    const hears = this.#granted.some(({ key }) => key.startsWith("events."));
    if (!hears || call.isRehearsal === true) return;
    this.#lanes.set(call.callId, lane);
    this.#options.posts?.asked(this.name, call.callId);
  }

  /** A thread that ran it is lost, and what it knew of calls with it. */
  forget(lane: Lane): void {
    for (const [callId, on] of this.#lanes) if (on === lane) this.#lanes.delete(callId);
  }

  /** Nothing runs it any more: what waits fails. */
  failWaiting(message: string): void {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      this.failed(call, "SCORER_UNAVAILABLE", message);
    }
  }

  answered(call: WorkerCall, { pluginUs, result }: ThreadAnswer): void {
    if (result.kind === "error") {
      this.failed(call, result.code as ErrorCode, result.message);
      return;
    }
    this.#close();
    takeValues(call, result);
    if (call.call.isRehearsal !== true) {
      const callUs = (this.#options.clock.elapsedMs() - call.putMs) * 1000;
      this.#options.entry.answered({ callUs, hostUs: (call.sentMs - call.putMs) * 1000, pluginUs });
    }
    call.resolve(result.reason);
  }

  failed(call: WorkerCall, code: ErrorCode, message: string): void {
    this.#close();
    call.reject(new OutriderError(code, `${this.name}: ${message}`));
  }

  #put(kind: Declaration["kind"], call: CycleCall, rows: readonly Float32Array[]): Promise<Reason> {
    const declaration = this.#declaration;
    if (declaration?.kind !== kind) {
      throw new OutriderError("SCORER_FAILED", `${this.name} is a ${declaration?.kind}`);
    }
    if (this.#open >= declaration.maxConcurrency && !this.#makeRoom()) throw this.#shedError(declaration);
    const putMs = this.#options.clock.elapsedMs();
    const deadlineMs = putMs + call.budgetUs / 1000;
    this.#open += 1;
    return new Promise((resolve, reject) => {
      const times = { putMs, deadlineMs, sentMs: putMs };
      this.#waiting.push({ owner: this, call, rows, ...times, isParked: false, resolve, reject });
      this.#options.dispatch(this);
    });
  }

  /** Answers those in front whose budget has ended. True where there was one. */
  #makeRoom(): boolean {
    const before = this.#open;
    const nowMs = this.#options.clock.elapsedMs();
    for (let call = this.#waiting.peek(); call !== undefined && call.deadlineMs <= nowMs; call = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#expire(call);
    }
    return this.#open < before;
  }

  #expire(call: WorkerCall): void {
    this.failed(call, "SCORER_DEADLINE", "its budget ended before a thread was free");
  }

  #close(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#options.idle();
  }

  #shedError({ maxConcurrency }: Declaration): OutriderError {
    const message = `${this.name} takes ${maxConcurrency} calls at once and has them all`;
    this.#shed ??= new OutriderError("SCORER_SHED", message);
    return this.#shed;
  }
}
