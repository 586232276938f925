import type { CycleCall, EndpointSnapshot } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import type { ScoreTable } from "@outrider/protos/scorer";
import { createScoreTables, type ScoreTables } from "@outrider/transport";
import type { AcceptedPlugin } from "./negotiate.ts";
import type { LinkContext } from "./plugin-link.ts";
import { withTimeout } from "./with-timeout.ts";

/** Score tables that the plugins of one connection send of their own accord. */
export interface PushedTables {
  /** Whether one was taken yet. */
  readonly isUsed: boolean;
  /** Takes a table. @throws {OutriderError} with what is wrong with it. */
  take(table: ScoreTable): void;
  /** Learns of a snapshot that the plugins are sent. */
  publish(snapshot: EndpointSnapshot): void;
  /** Waits for the first tables of those that are never asked, for as long as a first state may take. Never rejects. */
  arrived(): Promise<void>;
  /**
   * Scores a call from a table. False where it is to be put instead.
   * @throws {OutriderError} `SCORER_UNAVAILABLE` where no table holds and the plugin is never asked.
   */
  score(instance: number, call: CycleCall, scores: Float32Array): boolean;
}

interface TableHolder {
  readonly plugin: AcceptedPlugin;
  readonly tables: ScoreTables;
  /** Settles with the first table. */
  readonly first: PromiseWithResolvers<void>;
  /** What its calls get where no table holds: the same objects each time, because it may be every call. */
  readonly missing: OutriderError;
  readonly expired: OutriderError;
}

/** @param epoch of the connection. */
export function createPushedTables(
  plugins: readonly AcceptedPlugin[],
  epoch: number,
  context: LinkContext,
): PushedTables {
  const holders = new Map(plugins.map((plugin) => [plugin.wire.id, toHolder(plugin, epoch)]));
  const { clock, log, metrics, name, timing } = context;
  return {
    get isUsed() {
      return [...holders.values()].some(({ tables }) => tables.isUsed);
    },
    take(table) {
      const holder = holders.get(table.instance);
      if (holder === undefined) {
        throw new OutriderError(
          "PROTOCOL_VIOLATION",
          `${name}: a score table of instance ${table.instance}, which is none`,
        );
      }
      const outcome = holder.tables.take(table, clock.elapsedMs());
      if (outcome.kind === "refused") throw outcome.error;
      if (outcome.kind === "taken") holder.first.resolve();
      else {
        metrics.ignoredTables(holder.plugin.entry.spec.name);
        log.debug(`a score table is not used: ${outcome.reason}`);
      }
    },
    publish(snapshot) {
      for (const { tables } of holders.values()) tables.publish(snapshot);
    },
    async arrived() {
      if (context.table.current.live.length === 0) return;
      const waited = [...holders.values()].filter(({ plugin }) => plugin.isPushed);
      if (waited.length === 0) return;
      const all = Promise.all(waited.map(({ first }) => first.promise)).then(() => {});
      await withTimeout(all, timing.syncMs, clock, "sent no score table").catch((cause: OutriderError) => {
        log.warn(`${name} is not waited for any longer: it ${cause.message}`);
      });
    },
    score(instance, call, scores) {
      const { plugin, tables, missing, expired } = holders.get(instance)!;
      if (!tables.isUsed && !plugin.isPushed) return false;
      if (tables.read(call, clock.elapsedMs(), scores)) return true;
      if (plugin.isPushed) throw tables.isUsed ? expired : missing;
      return false;
    },
  };
}

function toHolder(plugin: AcceptedPlugin, epoch: number): TableHolder {
  const { name } = plugin.wire;
  return {
    plugin,
    tables: createScoreTables(plugin.wire, epoch),
    first: Promise.withResolvers<void>(),
    missing: new OutriderError("SCORER_UNAVAILABLE", `${name}: it has sent no score table yet`),
    expired: new OutriderError("SCORER_UNAVAILABLE", `${name}: its score table has expired`),
  };
}
