import type { CycleCall, CycleClock, Producer, Scorer } from "@outrider/core";
import type { FeedbackEvent, HeadersEvent, Need, Reason } from "@outrider/core/contract";
import { wantedEvents } from "@outrider/transport";
import { hasOpinion, type PluginEntry } from "./plugin-entry.ts";
import type { LinkedPlugin } from "./plugin-link.ts";

/** The scorer and the producer that a plugin behind a connection is to the cycle, for the plugin's whole life. */
export interface RemotePlugin {
  readonly scorer: Scorer;
  readonly producer: Producer;
  /** Puts calls over a new connection. `remembers`: the plugin still knows the calls of the connection before. */
  connect(plugin: LinkedPlugin, remembers: boolean): void;
  /** Calls fail at once until it is connected again. */
  disconnect(): void;
  /** Counts the calls whose deadline has passed without an answer; otherwise they count when the answer comes. */
  countOverdue(): void;
}

/** What a plugin behind a connection is made of. */
export interface RemotePluginOptions {
  readonly entry: PluginEntry;
  readonly clock: CycleClock;
  /** Keys that a producer of its type writes, where that is known before it has said so itself. */
  readonly produces: readonly string[];
  /** Takes the events that the plugin is to get. */
  readonly queue: (event: FeedbackEvent) => void;
}

/** A scorer behind a connection; to the cycle it is like any other. */
export function createRemotePlugin(options: RemotePluginOptions): RemotePlugin {
  return new Remote(options);
}

/** A call that was put and is not answered. */
interface PendingCall {
  readonly callId: number;
  /** When the cycle stops waiting, monotonic ms. */
  readonly deadlineMs: number;
  /** Whether it is counted as late already. */
  overdue: boolean;
}

const nothing = new Float32Array(0);

class Remote implements RemotePlugin {
  readonly scorer: Scorer;
  readonly producer: Producer;
  readonly #entry: PluginEntry;
  readonly #clock: CycleClock;
  readonly #queue: (event: FeedbackEvent) => void;
  readonly #pending = new Set<PendingCall>();
  /** Calls put to the plugin whose `done` is due; kept only where it gets events. */
  readonly #open = new Set<number>();
  #linked: LinkedPlugin | undefined;
  #produces: readonly string[];
  #feedback: ((event: FeedbackEvent) => void) | undefined;
  #wanted: ReadonlySet<FeedbackEvent["kind"]> = new Set();
  #headerNames: readonly string[] = [];

  constructor({ entry, clock, produces, queue }: RemotePluginOptions) {
    this.#entry = entry;
    this.#clock = clock;
    this.#produces = produces;
    this.#queue = queue;
    const feedback = () => this.#feedback;
    const keys = () => this.#produces;
    const { name, type } = entry.spec;
    this.scorer = {
      name,
      type,
      score: (call, scores) => this.#put(call, scores, (linked) => linked.score(call, scores)),
      get feedback() {
        return feedback();
      },
    } as Scorer;
    this.producer = {
      name,
      type,
      produce: (call, values) => this.#put(call, values[0] ?? nothing, (linked) => linked.produce(call, values)),
      get produces() {
        return keys();
      },
      get feedback() {
        return feedback();
      },
    } as Producer;
  }

  connect(linked: LinkedPlugin, remembers: boolean): void {
    if (!remembers) this.#open.clear();
    this.#linked = linked;
    if (linked.produces.length > 0) this.#produces = linked.produces;
    this.#wanted = wantedEvents(linked.granted);
    this.#headerNames = namesOf(linked.granted, "events.headers");
    this.#feedback = this.#wanted.size === 0 ? undefined : (event) => this.#tell(event);
  }

  disconnect(): void {
    this.#linked = undefined;
  }

  countOverdue(): void {
    const nowMs = this.#clock.elapsedMs();
    for (const pending of this.#pending) {
      if (pending.overdue || nowMs <= pending.deadlineMs) continue;
      pending.overdue = true;
      this.#entry.calls.late += 1;
    }
  }

  /** Throws at once what no connection has to be asked for: most of a lost plugin's calls end here. */
  #put(call: CycleCall, written: Float32Array, ask: (linked: LinkedPlugin) => Promise<Reason>): Promise<Reason> {
    const linked = this.#linked;
    if (linked === undefined || !this.#entry.serving) throw this.#entry.unavailable();
    const pending = this.#begin(call);
    try {
      return this.#settle(ask(linked), pending, written);
    } catch (cause) {
      throw this.#fail(cause, pending);
    }
  }

  #begin({ callId, budgetUs }: CycleCall): PendingCall {
    const pending = { callId, deadlineMs: this.#clock.elapsedMs() + budgetUs / 1000, overdue: false };
    this.#pending.add(pending);
    this.#entry.inFlight = this.#pending.size;
    if (this.#feedback !== undefined) this.#open.add(callId);
    return pending;
  }

  #settle(answer: Promise<Reason>, pending: PendingCall, written: Float32Array): Promise<Reason> {
    return answer.then(
      (reason) => {
        this.#end(pending);
        if (this.#isLate(pending)) this.#entry.late(pending.overdue);
        else this.#entry.answered(hasOpinion(written));
        return reason;
      },
      (cause) => {
        throw this.#fail(cause, pending);
      },
    );
  }

  /** The cycle has stopped waiting at the deadline: behind it a failure is but a late answer. */
  #fail(cause: unknown, pending: PendingCall): unknown {
    this.#end(pending);
    if (this.#isLate(pending)) {
      if (!pending.overdue) this.#entry.calls.late += 1;
      return cause;
    }
    const error = this.#entry.failed(cause);
    if (error.code === "SCORER_SHED") this.#open.delete(pending.callId);
    return error;
  }

  #end(pending: PendingCall): void {
    this.#pending.delete(pending);
    this.#entry.inFlight = this.#pending.size;
  }

  #isLate({ deadlineMs }: PendingCall): boolean {
    return this.#clock.elapsedMs() > deadlineMs;
  }

  #tell(event: FeedbackEvent): void {
    const known = event.kind === "done" ? this.#open.delete(event.callId) : this.#open.has(event.callId);
    if (known && this.#wanted.has(event.kind)) this.#queue(event.kind === "headers" ? this.#redact(event) : event);
  }

  #redact<E extends HeadersEvent>(event: E): E {
    const granted = this.#headerNames.filter((name) => Object.hasOwn(event.headers, name));
    return { ...event, headers: Object.fromEntries(granted.map((name) => [name, event.headers[name]!])) };
  }
}

function namesOf(granted: readonly Need[], key: string): readonly string[] {
  return granted.find((need) => need.key === key)?.names?.map((name) => name.toLowerCase()) ?? [];
}
