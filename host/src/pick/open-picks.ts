import type { DoneCause } from "@outrider/core";
import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";
import type { Routed } from "../scheduling/types.ts";
import type { PickMetrics } from "./metrics.ts";

/** What {@link OpenPicks} are made of. */
export interface OpenPicksOptions {
  /** Most picks that are being decided or wait for their completion. */
  readonly maxOpen: number;
  /** After which a pick counts as done, in ms. */
  readonly timeoutMs: number;
  readonly sweep: DeadlineSweep;
  readonly metrics: PickMetrics;
}

/** Picks that wait for their completion, bounded in number and time. Each is ended exactly once, by who takes it. */
export interface OpenPicks {
  /** Those that wait, and the places kept for more. */
  readonly count: number;
  /** Keeps a place for a pick that is about to be decided; false, and none is kept, where all are taken. */
  reserve(): boolean;
  /** Gives back a place that no pick took. */
  giveBack(): void;
  /** Puts a pick in the place kept for it. */
  add(routed: Routed): void;
  /** Takes a pick out, for the caller to end; `undefined` where there is none of that id. */
  take(decisionId: string): Routed | undefined;
  /** Ends all that wait. */
  endAll(cause: DoneCause): void;
}

/** No pick is open yet. */
export function createOpenPicks({ maxOpen, timeoutMs, sweep, metrics }: OpenPicksOptions): OpenPicks {
  const waiting = new Map<string, WaitingPick>();
  let reserved = 0;
  const take = (decisionId: string): Routed | undefined => {
    const pick = waiting.get(decisionId);
    if (pick === undefined) return undefined;
    waiting.delete(decisionId);
    sweep.remove(pick);
    metrics.closed();
    return pick.routed;
  };
  const expire = (decisionId: string) => {
    take(decisionId)?.end("unknown");
    metrics.expired();
  };
  return {
    get count() {
      return waiting.size + reserved;
    },
    reserve() {
      if (waiting.size + reserved >= maxOpen) return false;
      reserved++;
      return true;
    },
    giveBack() {
      reserved--;
    },
    add(routed) {
      reserved--;
      const pick = new WaitingPick(routed, expire);
      waiting.set(routed.decisionId, pick);
      sweep.add(pick, timeoutMs);
      metrics.opened();
    },
    take,
    endAll(cause) {
      for (const decisionId of [...waiting.keys()]) take(decisionId)?.end(cause);
    },
  };
}

class WaitingPick implements Guarded {
  dueMs = 0;
  readonly routed: Routed;
  readonly #expire: (decisionId: string) => void;

  constructor(routed: Routed, expire: (decisionId: string) => void) {
    this.routed = routed;
    this.#expire = expire;
  }

  overdue(): void {
    this.#expire(this.routed.decisionId);
  }
}
