import type { PluginOutcome } from "@outrider/core";
import { Counter, type Registry } from "prom-client";

/** How a plugin's part in a decision ended. */
export type OutcomeKind = PluginOutcome["kind"];

/** Calls by how they ended. */
export type OutcomeCounts = Readonly<Record<OutcomeKind, number>>;

/** Nobody was called yet. */
export const noCalls: OutcomeCounts = { scored: 0, abstained: 0, late: 0, failed: 0, shed: 0 };

/** Registers counts that are kept elsewhere, by scorer and one more label; read at each scrape. */
export function registerByLabel(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [scorer: string, counts: Readonly<Record<string, number>>]>,
): void {
  new Counter({
    name,
    help,
    labelNames: ["scorer", label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [scorer, counts] of read()) {
        for (const [value, count] of Object.entries(counts)) this.inc({ scorer, [label]: value }, count);
      }
    },
  });
}
