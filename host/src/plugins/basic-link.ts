import type { CycleClock } from "@outrider/core";
import { type Need, type NeedKey, OutriderError, type Reason } from "@outrider/core/contract";
import type { UnaryClient } from "@outrider/transport";
import { admitPlugin } from "./admit-plugin.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkContext, LinkedPlugin, PluginLink } from "./plugin-link.ts";

/** What a plugin that cannot say so itself gets where its configuration names nothing. */
const defaultNeeds: readonly NeedKey[] = ["waiting_requests", "running_requests", "kv_cache_usage"];

/** Between two looks whether all calls have ended, in ms. */
const idlePollMs = 10;

/** Calls in a row that found nobody before the connection counts as lost. */
const lostAfterCalls = 5;

/**
 * Links a plugin that knows `Score` alone: endpoints travel with every call, nothing is kept in step, no events.
 * @param client connected; the link closes it.
 * @throws {OutriderError} `PLUGIN_REJECTED` when no configured plugin can be served so.
 */
export function linkBasic(context: LinkContext, client: UnaryClient): PluginLink {
  const admitted = admit(context);
  const closed = Promise.withResolvers<OutriderError>();
  const end = (error: OutriderError) => {
    context.signal.removeEventListener("abort", close);
    closed.resolve(error);
    void client.close();
  };
  const close = () => end(new OutriderError("SCORER_UNAVAILABLE", `${context.name}: closed`));
  context.signal.addEventListener("abort", close, { once: true });
  return toLink(admitted, client, context.clock, { closed: closed.promise, close, lost: end });
}

interface AdmittedPlugin {
  readonly entry: PluginEntry;
  readonly granted: readonly Need[];
}

function admit(context: LinkContext): readonly AdmittedPlugin[] {
  const admitted: AdmittedPlugin[] = [];
  for (const entry of context.entries) {
    try {
      checkBasic(entry, context);
      admitted.push({ entry, granted: admitPlugin(entry, entry.spec.needs ?? defaultNeeds, context, "basic") });
    } catch (cause) {
      if (!(cause instanceof OutriderError)) throw cause;
      entry.move("failed", cause.message);
    }
  }
  if (admitted.length > 0) return admitted;
  throw new OutriderError("PLUGIN_REJECTED", `none of the plugins of ${context.name} can run`);
}

function checkBasic({ spec }: PluginEntry, { name, entries }: LinkContext): void {
  const { type } = entries[0]!.spec;
  if (spec.type !== type) {
    throw new OutriderError(
      "PLUGIN_REJECTED",
      `${spec.path}.type: ${name} knows Score alone and serves one type, ${type}`,
    );
  }
  if (spec.parameters === undefined || Object.keys(spec.parameters as object).length === 0) return;
  throw new OutriderError("PLUGIN_REJECTED", `${spec.path}.parameters: ${name} knows Score alone and takes none`);
}

interface LinkLife {
  readonly closed: Promise<OutriderError>;
  close(): void;
  lost(error: OutriderError): void;
}

function toLink(
  admitted: readonly AdmittedPlugin[],
  client: UnaryClient,
  clock: CycleClock,
  { closed, close, lost }: LinkLife,
): PluginLink {
  let failures = 0;
  const track = (answer: Promise<Reason>) =>
    answer.then(
      (reason) => {
        failures = 0;
        return reason;
      },
      (cause) => {
        failures = isUnavailable(cause) ? failures + 1 : 0;
        if (failures === lostAfterCalls) lost(cause as OutriderError);
        throw cause;
      },
    );
  return {
    profile: "basic",
    bootId: "",
    pluginVersion: "",
    plugins: admitted.map(({ entry, granted }) => toLinked(entry, granted, client, track)),
    activate() {
      for (const { entry } of admitted) entry.move("active");
    },
    publish() {},
    resync() {},
    revLag: 0,
    catchUp: () => true,
    closed,
    async drain(deadlineMs) {
      await untilIdle(client, deadlineMs, clock);
      close();
      return new Uint8Array(0);
    },
    async handOff() {},
    close,
  };
}

async function untilIdle(client: UnaryClient, timeoutMs: number, clock: CycleClock): Promise<void> {
  const endMs = clock.elapsedMs() + timeoutMs;
  while (client.outstanding > 0 && clock.elapsedMs() < endMs) {
    await new Promise<void>((resolve) => void clock.after(idlePollMs, resolve));
  }
}

function isUnavailable(cause: unknown): boolean {
  return cause instanceof OutriderError && cause.code === "SCORER_UNAVAILABLE";
}

function toLinked(
  entry: PluginEntry,
  granted: readonly Need[],
  client: UnaryClient,
  track: (answer: Promise<Reason>) => Promise<Reason>,
): LinkedPlugin {
  const instance = { name: entry.spec.name, granted };
  entry.granted = granted;
  return {
    entry,
    granted,
    produces: [],
    scoreFromTable: () => false,
    score: (call, scores) => track(client.score(instance, call, scores)),
    produce() {
      throw new OutriderError("SCORER_FAILED", `${entry.spec.name}: a plugin that knows Score alone produces nothing`);
    },
  };
}
