import type { EndpointSnapshot, Producer, Scorer } from "@outrider/core";
import {
  type AnyDefinition,
  type EndpointChange,
  type FeedbackEvent,
  OutriderError,
  type Reason,
} from "@outrider/core/contract";
import { createInlineProducer, createInlineScorer } from "@outrider/transport";
import { grantNeeds } from "./grants.ts";
import type { PluginEntry } from "./plugin-entry.ts";

/** A plugin that runs on the host's event loop. */
export interface InlinePlugin {
  /** Set where its definition is a scorer's. */
  readonly scorer: Scorer | undefined;
  /** Set where its definition is a producer's. */
  readonly producer: Producer | undefined;
  /** Tells it of a change of the endpoint table, before the first call that knows of it. */
  publish(change: EndpointChange): void;
}

/**
 * Makes the instance and tells it of the endpoints there are. What its code throws is the failure of a call, or counted
 * and logged where there is no call.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of its `parameters:`.
 */
export function createInlinePlugin(
  entry: PluginEntry,
  definition: AnyDefinition,
  table: EndpointSnapshot,
  blockSizeTokens: number | undefined,
): InlinePlugin {
  entry.move("configuring");
  const { granted, denied } = grantNeeds(definition.needs, { ...entry.spec, trusted: true, blockSizeTokens });
  const refused = denied.filter(({ required }) => required).map(({ message }) => `${entry.spec.path}: ${message}`);
  if (refused.length > 0) throw new OutriderError("CONFIG_INVALID", refused.join("\n"));
  entry.granted = granted;
  const plugin = makePlugin(entry, definition);
  plugin.publish({ removedSlots: [], upserted: Array.from(table.live, (slot) => table.at(slot)!) });
  entry.move("active");
  return plugin;
}

function makePlugin(entry: PluginEntry, definition: AnyDefinition): InlinePlugin {
  const { name, parameters } = entry.spec;
  if (definition.kind === "scorer") {
    const inner = withPath(entry, () => createInlineScorer(definition, parameters, name));
    const score: Scorer["score"] = (call, scores) => noted(entry, () => inner.score(call, scores));
    const scorer = { ...inner, ...guardedFeedback(entry, inner), score };
    return { scorer, producer: undefined, publish: publisher(entry, inner) };
  }
  const inner = withPath(entry, () => createInlineProducer(definition, parameters, name));
  const produce: Producer["produce"] = (call, values) => noted(entry, () => inner.produce(call, values));
  const producer = { ...inner, ...guardedFeedback(entry, inner), produce };
  return { scorer: undefined, producer, publish: publisher(entry, inner) };
}

function withPath<T>({ spec }: PluginEntry, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof OutriderError)) throw cause;
    throw new OutriderError(cause.code, `${spec.path}: ${cause.message}`, { cause });
  }
}

/** Notes failures; what is thrown is what was thrown. */
function noted(entry: PluginEntry, ask: () => Reason | Promise<Reason>): Reason | Promise<Reason> {
  try {
    const reason = ask();
    if (!(reason instanceof Promise)) return reason;
    return reason.catch((cause) => {
      throw entry.failed(cause);
    });
  } catch (cause) {
    throw entry.failed(cause);
  }
}

function guardedFeedback(entry: PluginEntry, { feedback }: Scorer | Producer): Pick<Scorer, "feedback"> {
  if (feedback === undefined) return {};
  return { feedback: (event: FeedbackEvent) => guardHook(entry, "feedback", () => feedback(event)) };
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
