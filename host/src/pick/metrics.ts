import type { TokenUsage } from "@outrider/core";
import { Counter, Gauge, type Registry } from "prom-client";
import { countRefusedConnections } from "../doors/metrics.ts";

/** A procedure of the Pick RPC, as its metrics name it. */
export type PickCall = "pick" | "complete";

/** What the Pick RPC counts. */
export interface PickMetrics {
  /** A call was answered. @param outcome `ok`, `invalid`, `cancelled`, or the code of a refusal. */
  answered(call: PickCall, outcome: string): void;
  /** A pick waits for its completion. */
  opened(): void;
  /** It does no longer. */
  closed(): void;
  /** A pick was not completed in time. */
  expired(): void;
  /** A gateway told what a model server had counted. */
  reported(usage: TokenUsage): void;
  /** A connection was closed at once, since there were too many. */
  connectionRefused(): void;
}

/** Registers the metrics. */
export function createPickMetrics(registry: Registry): PickMetrics {
  const registers = [registry];
  const calls = new Counter({
    name: "outrider_pick_calls_total",
    help: "Calls of the Pick RPC by what was answered: ok, invalid, cancelled, or the code of the refusal.",
    labelNames: ["call", "outcome"],
    registers,
  });
  const open = new Gauge({ name: "outrider_pick_open", help: "Picks that wait for their completion.", registers });
  const expired = new Counter({
    name: "outrider_pick_expired_total",
    help: "Picks that were not completed in time and count as done.",
    registers,
  });
  const tokens = new Counter({
    name: "outrider_pick_reported_tokens_total",
    help: "Tokens that model servers counted, as completions told: of prompts, of these cached, and of answers.",
    labelNames: ["kind"],
    registers,
  });
  return {
    answered: (call, outcome) => calls.inc({ call, outcome }),
    opened: () => open.inc(),
    closed: () => open.dec(),
    connectionRefused: countRefusedConnections(registry, "pick"),
    expired: () => expired.inc(),
    reported({ promptTokens, cachedTokens, outputTokens }) {
      tokens.inc({ kind: "prompt" }, promptTokens);
      tokens.inc({ kind: "cached" }, cachedTokens);
      tokens.inc({ kind: "output" }, outputTokens);
    },
  };
}
