import { type CycleCall, type EndpointSnapshot, OutriderError, type RequestFacts } from "@outrider/core/contract";
import type { ScoreTable } from "@outrider/protos/scorer";
import { fromBitmap } from "./bitmap.ts";
import type { WireInstance } from "./session-types.ts";
import { createSlotHistory } from "./slot-history.ts";
import { maxSlots } from "./table-step.ts";

/** Tables kept of one instance at most: the oldest go first. */
export const maxTables = 1024;

/** Scores kept of one instance at most, over all its tables: the oldest go first. */
export const maxTableScores = 1024 * 1024;

/** Longest key of a table, in characters. */
export const maxTableKeyLength = 256;

/** What came of a table. */
export type TableOutcome =
  | { readonly kind: "taken" }
  /** Nothing is wrong with it, but it cannot be used. */
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "refused"; readonly error: OutriderError };

/** Score tables that one instance has sent over one connection. */
export interface ScoreTables {
  /** Whether a table was ever taken. */
  readonly isUsed: boolean;
  /** Takes a table; it holds from `nowMs` on for as long as it says. */
  take(table: ScoreTable, nowMs: number): TableOutcome;
  /**
   * Writes the scores of a table that holds for this request, `NaN` for candidates that it does not name or that were
   * another endpoint when it was made. The narrowest goes first: session key, model, all requests.
   * @returns false, and nothing is written, where none holds.
   */
  read(call: CycleCall, nowMs: number, scores: Float32Array): boolean;
  /** Learns which endpoint is in which slot since when; to be called with each snapshot that is sent. */
  publish(snapshot: EndpointSnapshot): void;
}

interface HeldTable {
  readonly rev: number;
  readonly untilMs: number;
  /** By slot; `NaN` = not named. */
  readonly scores: Float32Array;
}

/** By what tables may be kept, the narrowest first. */
const keys: readonly { readonly by: string; readonly need: string; readonly of: (facts: RequestFacts) => string }[] = [
  { by: "session_key", need: "request.session_key", of: ({ sessionKey }) => sessionKey },
  { by: "model", need: "", of: ({ model }) => model },
  { by: "", need: "", of: () => "" },
];

/** @param epoch of the connection: tables of another one are ignored. */
export function createScoreTables(instance: WireInstance, epoch: number): ScoreTables {
  const held = new Map<string, HeldTable>();
  const kinds = keys.filter(({ need }) => need === "" || instance.granted.some(({ key }) => key === need));
  const usedKinds = new Set<string>();
  let heldScores = 0;
  const history = createSlotHistory();

  const drop = (id: string, table: HeldTable) => {
    held.delete(id);
    heldScores -= table.scores.length;
  };
  const keep = (id: string, table: HeldTable) => {
    const before = held.get(id);
    if (before !== undefined) drop(id, before);
    for (const [oldest, old] of held) {
      if (held.size < maxTables && heldScores + table.scores.length <= maxTableScores) break;
      drop(oldest, old);
    }
    held.set(id, table);
    heldScores += table.scores.length;
  };
  const find = (facts: RequestFacts, nowMs: number): HeldTable | undefined => {
    for (const { by, of } of kinds) {
      if (!usedKinds.has(by)) continue;
      const id = idOf(by, of(facts));
      const table = held.get(id);
      if (table === undefined) continue;
      if (nowMs < table.untilMs) return table;
      drop(id, table);
    }
    return undefined;
  };

  return {
    get isUsed() {
      return usedKinds.size > 0;
    },
    take(table, nowMs) {
      const { keyBy, key, rev, ttlMs } = table;
      const error = faultOf(table, instance, history.rev, epoch);
      if (error !== undefined) return { kind: "refused", error };
      const reason = uselessness(table, epoch, kinds);
      if (reason !== "") return { kind: "ignored", reason };
      usedKinds.add(keyBy);
      keep(idOf(keyBy, key), { rev, untilMs: nowMs + ttlMs, scores: toScores(table) });
      return { kind: "taken" };
    },
    read(call, nowMs, scores) {
      const table = find(call.request, nowMs);
      if (table === undefined) return false;
      const rev = Math.min(table.rev, call.snapshot.rev);
      const { candidates } = call;
      for (let i = 0; i < candidates.length; i += 1) {
        const slot = candidates[i]!;
        scores[i] = history.isSameSince(slot, rev) ? (table.scores[slot] ?? Number.NaN) : Number.NaN;
      }
      return true;
    },
    publish: (snapshot) => history.publish(snapshot),
  };
}

function idOf(by: string, key: string): string {
  return `${by}\n${key}`;
}

/** What breaks the contract. */
function faultOf(table: ScoreTable, { name, produces }: WireInstance, sentRev: number, epoch: number) {
  const { slots, scores, rev, ttlMs, keyBy, key } = table;
  const violation = (what: string) => new OutriderError("PROTOCOL_VIOLATION", `${name}: a score table ${what}`);
  const invalid = (what: string) => new OutriderError("SCORES_INVALID", `${name}: a score table ${what}`);
  if (produces.length > 0) return violation("of a producer");
  if (ttlMs === 0) return violation("that holds for 0 ms");
  if (keyBy === "" && key !== "") return violation(`with the key "${key.slice(0, 40)}" of nothing: key_by is empty`);
  if (8 * slots.length > maxSlots) return violation(`over more than ${maxSlots} slots`);
  if (table.epoch === epoch && rev > sentRev)
    return violation(`on revision ${rev}, and ${sentRev} is the last one sent`);
  const count = fromBitmap(slots).length;
  if (scores.length !== count) return invalid(`with ${scores.length} scores for ${count} slots`);
  const bad = scores.find((score) => !Number.isFinite(Math.fround(score)));
  return bad === undefined ? undefined : invalid(`with the score ${bad}`);
}

/** Why a table that is right cannot be used; empty = it can. */
function uselessness(table: ScoreTable, epoch: number, kinds: typeof keys): string {
  const { keyBy, key } = table;
  if (table.epoch !== epoch) return `it is of epoch ${table.epoch}, and this connection's is ${epoch}`;
  if (!kinds.some(({ by }) => by === keyBy))
    return `its key_by "${keyBy.slice(0, 40)}" is not known here, or not granted`;
  return key.length > maxTableKeyLength ? `its key is longer than ${maxTableKeyLength} characters` : "";
}

function toScores({ slots, scores }: ScoreTable): Float32Array {
  const named = fromBitmap(slots);
  const bySlot = new Float32Array((named.at(-1) ?? -1) + 1).fill(Number.NaN);
  named.forEach((slot, i) => {
    bySlot[slot] = scores[i]!;
  });
  return bySlot;
}
