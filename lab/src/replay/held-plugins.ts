import type { CycleCall, Producer, Reason, Scorer } from "@outrider/core";
import type { PluginRuntime } from "@outrider/host";
import type { RecordedMiss, RecordedMisses } from "./recorded-misses.ts";
import { settle, type Turn } from "./turn.ts";

/** Calls of one decision at most; its call ids begin at a multiple of it. */
export const callsPerDecision = 256;

/** A decision under way, and what was missing when it was made. */
export interface HeldTurn {
  readonly turn: Turn;
  readonly misses: RecordedMisses;
  /** A plugin is about to be asked. */
  readonly asking: (plugin: string, callId: number) => void;
}

/** Plugins as a plan is made from them. */
export type PluginSource = Pick<PluginRuntime, "scorer" | "producer" | "granted" | "prepare">;

/** Where the plugins of decisions that are made again are found, and who counts what they missed. */
export interface HeldPlugins extends PluginSource {
  /** Calls with these ids are put for it from now on. @param firstCallId as the cycle is told. */
  begin(firstCallId: number, held: HeldTurn): void;
  end(firstCallId: number): void;
  /** Settles when all that were asked have answered, or enough time has passed: some wait for others on a thread. */
  settled(): Promise<void>;
  /** Answers that were missing again because they had been missing. */
  readonly repeated: number;
}

/** The plugins of a runtime; what they answer reaches a decision when its turn says so, or is missing as it was. */
export function holdPlugins(runtime: PluginSource): HeldPlugins {
  const turns = new Map<number, HeldTurn>();
  const asked = new Set<Promise<unknown>>();
  const track = (ask: () => Reason | Promise<Reason>) => () => {
    const reason = ask();
    if (!(reason instanceof Promise)) return reason;
    asked.add(reason);
    const end = () => void asked.delete(reason);
    reason.then(end, end);
    return reason;
  };
  let repeated = 0;
  const put = (
    { callId, profile }: CycleCall,
    name: string,
    ask: () => Reason | Promise<Reason>,
  ): Reason | Promise<Reason> => {
    const held = turns.get(Math.floor(callId / callsPerDecision));
    if (held === undefined) return ask();
    held.asking(name, callId);
    const miss = held.misses.of(profile, name);
    if (miss !== undefined) repeated += 1;
    const put = track(ask);
    return miss === undefined ? answer(held, put()) : repeat(held, miss, put);
  };
  const scorers = new Map<string, Scorer>();
  const producers = new Map<string, Producer>();
  return {
    scorer: (name) => known(scorers, name, () => toScorer(runtime.scorer(name), put)),
    producer: (name) => known(producers, name, () => toProducer(runtime.producer(name), put)),
    get granted() {
      return runtime.granted;
    },
    prepare: (next) => runtime.prepare(next),
    begin: (firstCallId, held) => void turns.set(firstCallId / callsPerDecision, held),
    end: (firstCallId) => void turns.delete(firstCallId / callsPerDecision),
    settled: () => settle(asked),
    get repeated() {
      return repeated;
    },
  };
}

function known<T>(made: Map<string, T>, name: string, make: () => T): T {
  const found = made.get(name) ?? make();
  made.set(name, found);
  return found;
}

type Put = (call: CycleCall, name: string, ask: () => Reason | Promise<Reason>) => Reason | Promise<Reason>;

function answer({ turn }: HeldTurn, reason: Reason | Promise<Reason>): Reason | Promise<Reason> {
  return reason instanceof Promise ? turn.hold(reason) : reason;
}

/** The plugin is asked where it was, since it may learn from it; what it says counts for nothing. */
function repeat(
  { turn }: HeldTurn,
  { error, wasPut }: RecordedMiss,
  ask: () => Reason | Promise<Reason>,
): Promise<Reason> {
  const isLater = wasPut && attempt(ask);
  if (!isLater || !turn.waits) throw error;
  return turn.hold(Promise.reject(error));
}

/** Whether the answer comes later; that it fails is no surprise. */
function attempt(ask: () => Reason | Promise<Reason>): boolean {
  try {
    const reason = ask();
    if (!(reason instanceof Promise)) return false;
    reason.catch(() => {});
    return true;
  } catch {
    return false;
  }
}

function toScorer(inner: Scorer, put: Put): Scorer {
  const { name, type } = inner;
  return {
    name,
    type,
    score: (call, scores) => put(call, name, () => inner.score(call, scores)),
    get mayVeto() {
      return inner.mayVeto ?? false;
    },
    get feedback() {
      return inner.feedback;
    },
  } as Scorer;
}

function toProducer(inner: Producer, put: Put): Producer {
  const { name, type } = inner;
  return {
    name,
    type,
    produce: (call, values) => put(call, name, () => inner.produce(call, values)),
    get produces() {
      return inner.produces;
    },
    get feedback() {
      return inner.feedback;
    },
  } as Producer;
}
