import type { CycleCall, CycleClock, Producer, Scorer } from "@outrider/core";
import type { FeedbackEvent, HeadersEvent, Need, OutriderError, Reason } from "@outrider/core/contract";
import { wantedEvents } from "@outrider/transport";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkedPlugin } from "./plugin-link.ts";

/** The scorer and the producer that a plugin behind a connection is to the cycle, for the plugin's whole life. */
export interface RemotePlugin {
  readonly scorer: Scorer;
  readonly producer: Producer;
  /** Puts calls over a new connection. `remembers`: the plugin still knows the calls of the connection before. */
  connect(plugin: LinkedPlugin, remembers: boolean): void;
  /** Calls fail at once until it is connected again. */
  disconnect(): void;
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

class Remote implements RemotePlugin {
  readonly scorer: Scorer;
  readonly producer: Producer;
  readonly #entry: PluginEntry;
  readonly #clock: CycleClock;
  readonly #queue: (event: FeedbackEvent) => void;
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
      score: (call, scores) => this.#put(call, (linked) => linked.score(call, scores)),
      get feedback() {
        return feedback();
      },
    } as Scorer;
    this.producer = {
      name,
      type,
      produce: (call, values) => this.#put(call, (linked) => linked.produce(call, values)),
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

  /** Throws at once what no connection has to be asked for: most of a lost plugin's calls end here. */
  #put(call: CycleCall, ask: (linked: LinkedPlugin) => Promise<Reason>): Promise<Reason> {
    const linked = this.#linked;
    if (linked === undefined || !this.#entry.serving) throw this.#entry.unavailable();
    const { callId, budgetUs, isRehearsal = false } = call;
    const deadlineMs = this.#clock.elapsedMs() + budgetUs / 1000;
    this.#entry.inFlight += 1;
    if (this.#feedback !== undefined && !isRehearsal) this.#open.add(callId);
    try {
      return ask(linked).then(
        (reason) => {
          this.#entry.inFlight -= 1;
          if (this.#clock.elapsedMs() > deadlineMs && !isRehearsal) this.#entry.late();
          return reason;
        },
        (cause) => {
          throw this.#fail(cause, callId);
        },
      );
    } catch (cause) {
      throw this.#fail(cause, callId);
    }
  }

  #fail(cause: unknown, callId: number): OutriderError {
    this.#entry.inFlight -= 1;
    const error = this.#entry.failed(cause);
    if (error.code === "SCORER_SHED") this.#open.delete(callId);
    return error;
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
