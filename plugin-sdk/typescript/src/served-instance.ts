import type { AnyDefinition, EndpointChange, FeedbackEvent } from "@outrider/core/contract";
import type { Instance } from "@outrider/protos/scorer";
import type { Answer, AnswerResult, DecodedCall, TableVersion } from "@outrider/transport";
import { type RunnableInstance, runCall } from "./run-call.ts";
import { ServedCall } from "./served-call.ts";
import type { ServedInflight } from "./served-inflight.ts";
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
  /** Calls that are not answered. */
  readonly load: number;
  /** Takes the numbers of its data on the present connection. */
  connect(instance: Pick<Instance, "data">): void;
  /** Runs a call now, or when its turn comes. */
  put(pending: PendingCall): void;
  /** Tells it of endpoints that came, left or changed. */
  endpointsChanged(change: EndpointChange): void;
  /** Tells it what became of a call. */
  feedback(event: FeedbackEvent): void;
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

const tooLate: AnswerResult = {
  kind: "error",
  error: { code: "deadline_exceeded", message: "its budget ran out while it waited for its turn" },
};

class QueueingInstance implements ServedInstance {
  readonly type: string;
  readonly configJson: string;
  readonly maxConcurrency: number;
  readonly #definition: AnyDefinition;
  readonly #context: InstanceContext;
  readonly #complaints = new Set<string>();
  readonly #waiting: PendingCall[] = [];
  #runnable: RunnableInstance;
  #keys: ReadonlyMap<number, string> = new Map();
  #running = 0;

  constructor(definition: AnyDefinition, made: RunnableInstance["made"], configJson: string, context: InstanceContext) {
    this.type = definition.type;
    this.configJson = configJson;
    this.maxConcurrency = definition.maxConcurrency ?? defaultConcurrency;
    this.#definition = definition;
    this.#context = context;
    this.#runnable = { definition, made, produced: [] };
  }

  get load(): number {
    return this.#running + this.#waiting.length;
  }

  connect({ data }: Pick<Instance, "data">): void {
    const produces = this.#definition.kind === "producer" ? this.#definition.produces : [];
    const produced = produces.map((key) => data.find((column) => column.key === key)?.id);
    this.#keys = new Map(data.map(({ id, key }) => [id, key]));
    this.#runnable = { ...this.#runnable, produced };
  }

  put(pending: PendingCall): void {
    if (this.#running >= this.maxConcurrency) this.#waiting.push(pending);
    else this.#run(pending);
  }

  endpointsChanged(change: EndpointChange): void {
    this.#guarded("endpointsChanged", () => this.#runnable.made.instance.endpointsChanged?.(change));
  }

  feedback(event: FeedbackEvent): void {
    this.#guarded("feedback", () => this.#runnable.made.instance.feedback?.(event));
  }

  #run(pending: PendingCall): void {
    const { call, cameAtMs, caller } = pending;
    if (!caller.isOpen) return;
    const { clock, inflight } = this.#context;
    const startMs = clock();
    const table = this.#context.table();
    const isLate = call.budgetUs > 0 && (startMs - cameAtMs) * 1000 >= call.budgetUs;
    const result = isLate ? tooLate : this.#evaluate(call, table);
    if (!(result instanceof Promise)) {
      this.#answer(pending, table, startMs, result);
      return;
    }
    this.#running += 1;
    inflight.hold();
    void result.then((settled) => {
      this.#running -= 1;
      inflight.release();
      this.#answer(pending, table, startMs, settled);
      this.#next();
    });
  }

  #evaluate(call: DecodedCall, table: TableVersion): AnswerResult | Promise<AnswerResult> {
    const inflight = this.#context.inflight.columns(table.slotCount);
    return runCall(this.#runnable, new ServedCall(call, table, inflight, this.#keys));
  }

  #answer(pending: PendingCall, { epoch, rev }: TableVersion, startMs: number, result: AnswerResult): void {
    if (result.kind === "error" && result !== tooLate) this.#complain("call", result.error.message);
    if (!pending.caller.isOpen) return;
    const pluginUs = Math.max(1, Math.round((this.#context.clock() - startMs) * 1000));
    pending.caller.reply({ callId: pending.call.callId, epoch, rev, pluginUs, result });
  }

  #next(): void {
    while (this.#running < this.maxConcurrency) {
      const pending = this.#waiting.shift();
      if (pending === undefined) return;
      this.#run(pending);
    }
  }

  #guarded(what: string, run: () => void): void {
    try {
      run();
    } catch (cause) {
      this.#complain(what, cause instanceof Error ? cause.message : String(cause));
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
