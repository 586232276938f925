import { OutriderError } from "@outrider/core/contract";
import { fromConnectionError, rpcCodeOf } from "@outrider/transport";
import type { Logger } from "pino";
import { explainRemote } from "./explain-remote.ts";
import { createFeedbackSender, type FeedbackSender } from "./feedback-sender.ts";
import type { Greeting } from "./greeting.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkContext, RuntimeContext } from "./plugin-link.ts";
import { type ChildEvents, createAddressSource, createChildSource, type PluginSource } from "./plugin-source.ts";
import type { ProcessTally } from "./process-tally.ts";
import { createRemoteCredentials } from "./remote-credentials.ts";
import { RemotePlugin } from "./remote-plugin.ts";
import type { ProcessSpec } from "./types.ts";

/** What one generation of a plugin process is made of. */
export interface GenerationOptions {
  readonly spec: ProcessSpec;
  /** Counts the generations of the process, from 1. */
  readonly number: number;
  /** Configured plugins that it serves, in the order of the configuration. */
  readonly entries: readonly PluginEntry[];
  readonly context: RuntimeContext;
  readonly tally: ProcessTally;
  /** Keys that a producer of a built-in type writes; empty for any other type. */
  readonly produces: (type: string) => readonly string[];
  readonly log: Logger;
  /** Private folder of the sockets. */
  readonly dir: string;
  /** Short, unlike that of any other generation of any process of the folder. */
  readonly id: string;
  /** In [0, 1). */
  readonly random: () => number;
  /** Sees the messages of its connections. */
  readonly frame: (direction: "sent" | "received", message: Uint8Array) => void;
  /** Whether anybody looks at them. */
  readonly isTapped: () => boolean;
  /** Whether it stands beside an older one: then it has one attempt, and waits in `shadow` until it is promoted. */
  readonly isBeside: boolean;
}

/** Events on their way to the process, over whatever connection there is. */
export function createFeedback({ spec, context, tally }: GenerationOptions): FeedbackSender {
  const { table, metrics } = context;
  return createFeedbackSender(
    () => table.inflight.requests,
    (count) => {
      tally.droppedFeedback += count;
      metrics.droppedFeedback(spec.name, count);
    },
  );
}

/** What is asked in the entries' places; the number of an instance is its place plus 1. */
export function createRemotes(
  { entries, context, produces, random }: GenerationOptions,
  feedback: FeedbackSender,
): ReadonlyMap<PluginEntry, RemotePlugin> {
  const { clock, timing, decisionBudgetMs } = context;
  const create = (entry: PluginEntry, index: number) => {
    const queue = feedback.push.bind(feedback, index + 1);
    const known = produces(entry.spec.type);
    return new RemotePlugin({ entry, clock, timing, random, decisionBudgetMs, produces: known, queue });
  };
  return new Map(entries.map((entry, index) => [entry, create(entry, index)]));
}

/** Where its connections come from. */
export function createSource(
  { spec, context, log, dir, id }: GenerationOptions,
  sleep: (ms: number) => Promise<void>,
  events: ChildEvents,
): PluginSource {
  const { timing, clock, metrics } = context;
  if (spec.kind === "url") return createAddressSource(spec, createRemoteCredentials(spec, clock, log), timing);
  return createChildSource({ spec, log, dir, id, timing, clock, metrics, events, sleep });
}

/** What of a connection its generation knows. */
export interface ConnectionContext extends Pick<LinkContext, "feedback" | "lastBootId" | "violation" | "signal"> {
  /** Where it comes from. */
  readonly source: PluginSource;
  /** Keeps how it was opened. */
  readonly greeting: Greeting;
}

/** All that a connection needs to know. */
export function toLinkContext(
  options: GenerationOptions,
  { source, greeting, ...connection }: ConnectionContext,
): LinkContext {
  const { context, spec, log, entries, frame, isTapped, tally } = options;
  return {
    ...context,
    ...connection,
    name: spec.name,
    log,
    entries,
    get token() {
      return source.token;
    },
    resynced: (err: OutriderError) => {
      tally.resyncs += 1;
      context.metrics.resyncs(spec.name);
      log.warn({ err }, "the plugin's state does not fit: the whole table is sent again");
    },
    answered: (entry, times) => entry.answered(times),
    isTapped,
    frame: (direction, message) => {
      greeting.note(direction, message);
      frame(direction, message);
    },
  };
}

/** Why there is no connection, as its operator is to read it. */
export function toOpeningError(cause: unknown, spec: ProcessSpec): OutriderError {
  const { name, kind } = spec;
  if (!(cause instanceof OutriderError)) return fromConnectionError(cause, name);
  if (rpcCodeOf(cause) !== "unimplemented") return spec.kind === "url" ? explainRemote(cause, spec) : cause;
  const remedy = "serve that version, or unary calls over HTTP/1.1 on PORT or at an http:// address";
  const message = `${name} serves no Session of outrider.scorer.v1: ${remedy}`;
  // What is served elsewhere may be replaced by then; a command is the same the next time.
  return new OutriderError(kind === "url" ? "SCORER_UNAVAILABLE" : "PLUGIN_REJECTED", message, { cause });
}
