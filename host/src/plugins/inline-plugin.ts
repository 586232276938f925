import type { CycleCall, CycleClock, EndpointSnapshot, Producer, Scorer } from "@outrider/core";
import {
  type AnyDefinition,
  type EndpointChange,
  type FeedbackEvent,
  OutriderError,
  type Reason,
  toNeeds,
} from "@outrider/core/contract";
import { createInlineProducer, createInlineScorer } from "@outrider/transport";
import { createEventView } from "./event-view.ts";
import { grantNeeds } from "./grants.ts";
import type { HostPlugin } from "./host-plugin.ts";
import { createOverrunGuard } from "./inline-guard.ts";
import { createInlineView } from "./inline-view.ts";
import type { PluginEntry } from "./plugin-entry.ts";

/** A plugin that runs on the host's event loop. */
export interface InlinePlugin extends HostPlugin {
  publish(change: EndpointChange): void;
}

/** What an inline plugin is made of. */
export interface InlinePluginOptions {
  readonly entry: PluginEntry;
  readonly definition: AnyDefinition;
  readonly table: EndpointSnapshot;
  readonly clock: CycleClock;
  /** Block size in force for `request.block_hashes`; `undefined` = none is. */
  readonly blockSizeTokens: number | undefined;
}

/**
 * Makes the instance and tells it of the endpoints there are. What its code throws is the failure of a call, or counted
 * and logged where there is no call; where it holds the event loop for too long again and again it is ejected.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of its `parameters:`.
 */
export function createInlinePlugin(options: InlinePluginOptions): InlinePlugin {
  const { entry, definition, table, clock } = options;
  entry.move("configuring");
  grant(options);
  const view = entry.spec.module === undefined ? whole : createInlineView(entry.granted);
  const { scorer, producer, publish } = makePlugin(entry, definition, watched(entry, clock), view);
  publish({ removedSlots: [], upserted: Array.from(table.live, (slot) => table.at(slot)!) });
  entry.move("active");
  return {
    scorer,
    producer,
    publish,
    restarts: 0,
    droppedFeedback: 0,
    release: () => release(entry),
    close: async () => void entry.move("stopped"),
  };
}

function release(entry: PluginEntry): boolean {
  if (entry.state !== "ejected") return false;
  entry.move("shadow");
  entry.restore();
  return true;
}

function grant({ entry, definition, blockSizeTokens }: InlinePluginOptions): void {
  const { spec } = entry;
  const policy = { ...spec, trusted: spec.module === undefined, blockSizeTokens };
  const { granted, denied } = grantNeeds(toNeeds(definition, spec.parameters), policy);
  const refused = denied.filter(({ required }) => required).map(({ message }) => `${spec.path}: ${message}`);
  if (refused.length > 0) throw new OutriderError("CONFIG_INVALID", refused.join("\n"));
  entry.granted = granted;
}

type Ask = () => Reason | Promise<Reason>;
type Watch = (call: CycleCall, ask: Ask) => Reason | Promise<Reason>;

/** Types that are built in are trusted not to look further than they ask. */
const whole = (call: CycleCall) => call;

function makePlugin(entry: PluginEntry, definition: AnyDefinition, watch: Watch, view: typeof whole) {
  const { name, parameters } = entry.spec;
  if (definition.kind === "scorer") {
    const inner = withPath(entry, () => createInlineScorer(definition, parameters, name));
    const score: Scorer["score"] = (call, scores) => watch(call, () => inner.score(view(call), scores));
    const scorer: Scorer = { ...inner, ...guardedFeedback(entry, inner), ...mayVeto(entry), score };
    return { scorer, producer: undefined, publish: publisher(entry, inner) };
  }
  const inner = withPath(entry, () => createInlineProducer(definition, parameters, name));
  const produce: Producer["produce"] = (call, values) => watch(call, () => inner.produce(view(call), values));
  const producer: Producer = { ...inner, ...guardedFeedback(entry, inner), produce };
  return { scorer: undefined, producer, publish: publisher(entry, inner) };
}

function mayVeto({ granted }: PluginEntry): Pick<Scorer, "mayVeto"> {
  return granted.some(({ key }) => key === "veto") ? { mayVeto: true } : {};
}

function withPath<T>({ spec }: PluginEntry, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof OutriderError)) throw cause;
    throw new OutriderError(cause.code, `${spec.path}: ${cause.message}`, { cause });
  }
}

/** Notes failures, what is thrown is what was thrown; and how long each call holds the event loop. */
function watched(entry: PluginEntry, clock: CycleClock): Watch {
  const { budgetMs } = entry.spec;
  const guard = createOverrunGuard(budgetMs, (tookMs) => {
    entry.metrics.overruns(entry.spec.name);
    entry.quietLog({ tookMs, budgetMs }, "an inline plugin overran its budget");
  });
  const look = (startedMs: number) => {
    const nowMs = clock.elapsedMs();
    const why = guard.took(nowMs - startedMs, nowMs);
    if (why === undefined) return;
    guard.reset();
    entry.eject(why);
    entry.log.error(`disabled: ${why}`);
  };
  return (call, ask) => {
    if (entry.state === "ejected") throw entry.unavailable();
    const startedMs = clock.elapsedMs();
    try {
      const reason = ask();
      return reason instanceof Promise ? reason.catch((cause) => fail(entry, cause)) : reason;
    } catch (cause) {
      return fail(entry, cause);
    } finally {
      if (call.isRehearsal !== true) look(startedMs);
    }
  };
}

function fail(entry: PluginEntry, cause: unknown): never {
  throw entry.failed(cause);
}

function guardedFeedback(entry: PluginEntry, { feedback }: Scorer | Producer): Pick<Scorer, "feedback"> {
  if (feedback === undefined) return {};
  const view = createEventView(entry.granted);
  return { feedback: (event: FeedbackEvent) => guardHook(entry, "feedback", () => feedback(view(event))) };
}

function publisher(
  entry: PluginEntry,
  inner: { endpointsChanged(change: EndpointChange): void },
): InlinePlugin["publish"] {
  return (change) => {
    if (change.removedSlots.length === 0 && change.upserted.length === 0) return;
    guardHook(entry, "endpointsChanged", () => inner.endpointsChanged(change));
  };
}

function guardHook(entry: PluginEntry, hook: string, run: () => void): void {
  try {
    run();
  } catch (cause) {
    entry.metrics.hookErrors(entry.spec.name);
    entry.quietLog({ err: cause, hook }, `${hook} of the plugin threw`);
  }
}
