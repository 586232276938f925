import { create } from "@bufbuild/protobuf";
import { type ScoreTable, ScoreTableSchema } from "@outrider/protos/scorer";
import { toBitmap } from "@outrider/transport";
import type { HostState } from "./host-state.ts";
import type { ServedInstance } from "./served-instance.ts";

/** Pushes the scores of a host's instances that depend on no request. */
export interface ScoreTables {
  /** The endpoints have changed, or the instances: rates anew. */
  refresh(): void;
  /** Ends it. */
  close(): void;
}

/** One instance's table. */
interface KeptTable {
  readonly instance: ServedInstance;
  readonly timer: NodeJS.Timeout;
  isBusy: boolean;
  /** Something has changed since the evaluation that is under way began. */
  isStale: boolean;
}

/** Each table goes out with every change, and again before half of its time has passed. */
export function createScoreTables(host: HostState, send: (table: ScoreTable) => void): ScoreTables {
  const tables = new Map<number, KeptTable>();
  let isOpen = true;

  const push = async (id: number, table: KeptTable, ttlMs: number): Promise<void> => {
    table.isStale = table.isBusy;
    if (table.isBusy) return;
    const { version, nowMs } = host;
    if (version.epoch === 0) return;
    table.isBusy = true;
    const scores = await table.instance.rateAll(nowMs);
    table.isBusy = false;
    if (!isOpen || tables.get(id) !== table) return;
    if (scores !== undefined) send(toTable(id, version, scores, ttlMs));
    if (table.isStale) await push(id, table, ttlMs);
  };
  const drop = (id: number, { timer }: KeptTable) => {
    clearInterval(timer);
    tables.delete(id);
  };
  const keep = (id: number, instance: ServedInstance, ttlMs: number): KeptTable => {
    const timer = setInterval(() => void push(id, table, ttlMs), ttlMs / 2);
    timer.unref();
    const table: KeptTable = { instance, timer, isBusy: false, isStale: false };
    tables.set(id, table);
    return table;
  };

  return {
    refresh() {
      for (const [id, table] of tables) if (host.instances.get(id) !== table.instance) drop(id, table);
      for (const [id, instance] of host.instances) {
        const { tableTtlMs: ttlMs } = instance;
        if (ttlMs !== undefined) void push(id, tables.get(id) ?? keep(id, instance, ttlMs), ttlMs);
      }
    },
    close() {
      isOpen = false;
      for (const [id, table] of tables) drop(id, table);
    },
  };
}

/** @param scores one per endpoint there is; one without a score is left out. */
function toTable(
  instance: number,
  { epoch, rev, live }: HostState["version"],
  scores: Float32Array,
  ttlMs: number,
): ScoreTable {
  const isRated = (_: number, i: number) => !Number.isNaN(scores[i]);
  const slots = toBitmap(live.filter(isRated));
  const rated = Array.from(scores.filter((score) => !Number.isNaN(score)));
  return create(ScoreTableSchema, { instance, epoch, rev, slots, scores: rated, ttlMs: Math.ceil(ttlMs) });
}
