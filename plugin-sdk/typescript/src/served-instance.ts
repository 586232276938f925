import type { AnyDefinition, EndpointChange, FeedbackEvent } from "@outrider/core/contract";
import type { Instance } from "@outrider/protos/scorer";
import { type Answer, type AnswerResult, type DecodedCall, noFacts, type TableVersion } from "@outrider/transport";
import { createCallQueue } from "./call-queue.ts";
import { type RunnableInstance, runCall } from "./run-call.ts";
import { ServedCall } from "./served-call.ts";
import { createServedInflight, type ServedInflight } from "./served-inflight.ts";
import { defaultConcurrency } from "./spec.ts";

/** Who put a call and waits for its answer. */
export interface Caller {
  /** Whether anybody still waits. */
  readonly isOpen: boolean;
  /** Takes the answer; once a call. */
  reply(answer: Answer): void;
}

/** A call on its way through an instance. */
export interface PendingCall {
  /** The call as it came. */
  readonly call: DecodedCall;
  /** Clock reading when it came. */
  readonly cameAtMs: number;
  /** Who has put it. */
  readonly caller: Caller;
}

/** What an instance needs of the process it is served in. */
export interface InstanceContext {
  /** State to evaluate on. */
  table(): TableVersion;
  /** The host's in-flight counts. */
  readonly inflight: ServedInflight;
  /** Monotonic ms; measures budgets and durations, never scores. */
  readonly clock: () => number;
  /** Says something to the operator. */
  readonly log: (message: string) => void;
}

/** One configured instance: runs its calls, some at a time, and answers each exactly once. */
export interface ServedInstance {
  /** `type:` of its definition. */
  readonly type: string;
  /** `parameters:` it was made from, as they came. */
  readonly configJson: string;
  /** Calls it takes before it has answered one. */
  readonly maxConcurrency: number;
  /** How long its scores stay good, in ms; `undefined` = it is asked for each request. */
  readonly tableTtlMs: number | undefined;
  /** Calls that are not answered. */
  readonly load: number;
  /** Takes the numbers of its data on the present connection. */
  connect(instance: Pick<Instance, "data">): void;
  /** Runs a call now, or when its turn comes. */
  put(pending: PendingCall): void;
  /** Answers those of a caller's calls that are not answered: nobody waits for them any more. */
  cancel(caller: Caller, callIds: ReadonlySet<number>): void;
  /** Rates all endpoints there are, for a table; `undefined` where that failed. */
  rateAll(nowMs: number): Promise<Float32Array | undefined>;
  /** Tells it of endpoints that came, left or changed. */
  endpointsChanged(change: EndpointChange): void;
  /** Tells it what became of a call. */
  feedback(event: FeedbackEvent): void;
  /** What it has learned, for the one that takes over; `undefined` = nothing. */
  handoff(): Uint8Array | undefined;
  /** Gives it what another has learned; only the first time counts. */
  restore(handoff: Uint8Array): void;
}

/** Serves what was made of a definition. */
export function serveInstance(
  definition: AnyDefinition,
  made: RunnableInstance["made"],
  configJson: string,
  context: InstanceContext,
): ServedInstance {
  return new QueueingInstance(definition, made, configJson, context);
}

const noBytes = new Uint8Array(0);

/** A call that stands for all requests, about all endpoints. */
const anyRequest = { callId: 0, instance: 0, epoch: 0, rev: 0, candidates: noBytes, budgetUs: 0, profile: "" };

class QueueingInstance implements ServedInstance {
  readonly type: string;
  readonly configJson: string;
  readonly maxConcurrency: number;
  readonly tableTtlMs: number | undefined;
  readonly #definition: AnyDefinition;
  readonly #context: InstanceContext;
  readonly #complaints = new Set<string>();
  readonly #queue;
  /** Tables never tell of what is in flight. */
  readonly #idle = createServedInflight();
  #runnable: RunnableInstance;
  #keys: ReadonlyMap<number, string> = new Map();
  #isRestored = false;

  constructor(definition: AnyDefinition, made: RunnableInstance["made"], configJson: string, context: InstanceContext) {
    this.type = definition.type;
    this.configJson = configJson;
    this.maxConcurrency = definition.maxConcurrency ?? defaultConcurrency;
    this.tableTtlMs = definition.kind === "scorer" ? definition.tableTtlMs : undefined;
    this.#definition = definition;
    this.#context = context;
    this.#runnable = { definition, made, produced: [] };
    const { maxConcurrency } = this;
    const run = (pending: PendingCall) => this.#run(pending);
    const refuse = (pending: PendingCall, result: AnswerResult) => this.#answer(pending, context.table(), 0, result);
    this.#queue = createCallQueue({ maxConcurrency, clock: context.clock, run, refuse });
  }

  get load(): number {
    return this.#queue.load;
  }

  connect({ data }: Pick<Instance, "data">): void {
    const produces = this.#definition.kind === "producer" ? this.#definition.produces : [];
    const produced = produces.map((key) => data.find((column) => column.key === key)?.id);
    this.#keys = new Map(data.map(({ id, key }) => [id, key]));
    this.#runnable = { ...this.#runnable, produced };
  }

  put(pending: PendingCall): void {
    this.#queue.put(pending);
  }

  cancel(caller: Caller, callIds: ReadonlySet<number>): void {
    this.#queue.cancel((pending) => pending.caller === caller && callIds.has(pending.call.callId));
  }

  async rateAll(nowMs: number): Promise<Float32Array | undefined> {
    const table = this.#context.table();
    const seed = Math.floor(nowMs) >>> 0;
    const call = { ...anyRequest, request: noFacts, nowMs, seed, peers: [], data: [] };
    const served = new ServedCall(call, table, this.#idle.columns(table.slotCount), this.#keys);
    const result = await runCall(this.#runnable, served);
    if (result.kind === "scores") return result.scores;
    if (result.kind === "error") this.#complain("table", result.error.message);
    return undefined;
  }

  endpointsChanged(change: EndpointChange): void {
    this.#guarded("endpointsChanged", () => this.#runnable.made.instance.endpointsChanged?.(change));
  }

  feedback(event: FeedbackEvent): void {
    this.#guarded("feedback", () => this.#runnable.made.instance.feedback?.(event));
  }

  handoff(): Uint8Array | undefined {
    return this.#guarded("handoff", () => this.#runnable.made.instance.handoff?.());
  }

  restore(handoff: Uint8Array): void {
    if (this.#isRestored) return;
    this.#isRestored = true;
    this.#guarded("restore", () => this.#runnable.made.instance.restore?.(handoff));
  }

  /** Returns what settles, and never rejects, when the call has taken its time; nothing where it was at once. */
  #run(pending: PendingCall): Promise<void> | undefined {
    const { clock, inflight } = this.#context;
    const startMs = clock();
    const table = this.#context.table();
    const call = new ServedCall(pending.call, table, inflight.columns(table.slotCount), this.#keys);
    const result = runCall(this.#runnable, call);
    if (!(result instanceof Promise)) {
      this.#settle(pending, table, startMs, result);
      return undefined;
    }
    inflight.hold();
    return result.then((settled) => {
      inflight.release();
      if (this.#queue.finish(pending)) this.#settle(pending, table, startMs, settled);
    });
  }

  #settle(pending: PendingCall, table: TableVersion, startMs: number, result: AnswerResult): void {
    if (result.kind === "error") this.#complain("call", result.error.message);
    this.#answer(pending, table, Math.max(1, Math.round((this.#context.clock() - startMs) * 1000)), result);
  }

  #answer(pending: PendingCall, { epoch, rev }: TableVersion, pluginUs: number, result: AnswerResult): void {
    if (!pending.caller.isOpen) return;
    pending.caller.reply({ callId: pending.call.callId, epoch, rev, pluginUs, result });
  }

  #guarded<T>(what: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (cause) {
      this.#complain(what, cause instanceof Error ? cause.message : String(cause));
      return undefined;
    }
  }

  /** Each complaint once: it may come with every request. */
  #complain(what: string, message: string): void {
    const complaint = `${this.type}: ${what} failed: ${message}`;
    if (this.#complaints.size >= 100 || this.#complaints.has(complaint)) return;
    this.#complaints.add(complaint);
    this.#context.log(complaint);
  }
}
