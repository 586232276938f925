import type { Kit } from "../kit/kit.ts";
import { NotApplicable, type Rule } from "../rule.ts";
import { everyLevel, sound } from "./groups.ts";

/** Calls that are timed, of each type. */
const timedCalls = 200;

/** Candidates of each. */
const candidates = 100;

/** Budget of a decision unless its operator says otherwise, in ms. */
const budgetMs = 5;

/** Share of calls that a plugin of use answers within the budget. */
const wantedShare = 0.95;

/** What the plugin costs a decision. */
export const latencyRules: readonly Rule[] = [
  {
    id: "C54",
    title: "Answers within the budget of a decision",
    levels: everyLevel,
    checks: `Times ${timedCalls} calls for ${candidates} candidates, one at a time; a warning below 95 % within ${budgetMs} ms.`,
    source: "Deadlines: one budget for all of a decision, 5 ms unless the operator says otherwise",
    remedy:
      "Do less per call, or prepare it when state comes; raise the plugin's budget; an answer that is late is dropped.",
    after: sound,
    check: checkLatency,
  },
];

async function checkLatency(kit: Kit): Promise<void> {
  if (kit.asked.length === 0) throw new NotApplicable("no calls are put to the plugin");
  const link = await kit.ready(kit.worlds.create(candidates));
  const tookMs: number[] = [];
  for (const instance of kit.asked) {
    for (let i = 0; i < timedCalls; i += 1) {
      const call = kit.calls.create(instance, link.world!);
      const beganMs = performance.now();
      await link.ask([call]);
      tookMs.push(performance.now() - beganMs);
    }
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(share * tookMs.length))]!;
  const withinBudget = tookMs.filter((ms) => ms <= budgetMs).length / tookMs.length;
  kit.latency = { calls: tookMs.length, p50Ms: at(0.5), p99Ms: at(0.99), withinBudget, budgetMs };
  if (withinBudget >= wantedShare) return;
  kit.remark(`${Math.round(100 * withinBudget)} % of its answers came within ${budgetMs} ms`);
}
