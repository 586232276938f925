import { randomUUID } from "node:crypto";
import { Comparison } from "../kit/comparison.ts";
import type { Kit } from "../kit/kit.ts";
import type { Link } from "../kit/link.ts";
import { toDeltaStep } from "../kit/state-steps.ts";
import { type WorldEndpoint, withoutValues } from "../kit/world.ts";
import type { Rule } from "../rule.ts";
import { stateful, steady } from "./groups.ts";

/** All that can happen to a table, at random. */
export const walkRules: readonly Rule[] = [
  {
    id: "C36",
    title: "Agrees with a full table after any walk of steps",
    levels: stateful,
    checks:
      "Walks at random through deltas, full tables, stale steps, reuse of slots and reconnects, asking at each step.",
    source: "State: no score is ever attributed to the wrong endpoint",
    remedy: "Run it again with the same --seed, and look at the step that is named.",
    after: [...steady, "C28", "C29", "C30", "C32", "C33"],
    check: checkWalk,
  },
];

/** Steps of the random walk. */
const walkSteps = 30;

async function checkWalk(kit: Kit): Promise<void> {
  const comparison = new Comparison(kit);
  const hostInstance = randomUUID();
  let link = await kit.ready(undefined, { hostInstance });
  for (let i = 0; i < walkSteps; i += 1) {
    const next = kit.worlds.next(link.world!, (all) => stumble(kit, link, all));
    const dice = kit.random();
    if (dice < 0.15) await link.full(next);
    else if (dice < 0.25) {
      const [chunk] = toDeltaStep(link.world!, next, link.view);
      await link.push([{ ...chunk, fromRev: link.world!.rev + 50, more: false }]);
      await link.full(next);
    } else if (dice < 0.3) {
      link.close();
      link = await kit.ready(next, { hostInstance });
    } else await link.delta(next);
    await comparison.ask(link, `at step ${i + 1} of the walk, seed ${kit.options.seed}`);
  }
  await comparison.settle();
}

/** Removes, adds, restarts and measures some of the endpoints; a slot is free for a step before it is taken again. */
function stumble(kit: Kit, link: Link, all: Map<number, WorldEndpoint>): void {
  const free = Array.from({ length: 24 }, (_, slot) => slot).filter((slot) => !all.has(slot));
  for (const [slot, endpoint] of all) {
    const dice = kit.random();
    if (dice < 0.08 && all.size > 2) all.delete(slot);
    else if (dice < 0.4) all.set(slot, kit.worlds.remeasure(endpoint, link.world!.nowMs));
    else if (dice < 0.45) all.set(slot, withoutValues(endpoint));
    else if (dice < 0.5) all.set(slot, { ...endpoint, incarnation: endpoint.incarnation + 1 });
  }
  for (const slot of free) {
    const endpoint = kit.worlds.endpoint(link.world!.nowMs);
    if (kit.random() < 0.1) all.set(slot, kit.random() < 0.5 ? endpoint : withoutValues(endpoint));
  }
}
