import type { Kit } from "./kit/kit.ts";
import { probe } from "./probe.ts";
import { NotApplicable, type Rule, RuleFailure, type RuleResult } from "./rule.ts";

/** Told before each rule, for people who wait. */
export type Progress = (done: number, total: number, rule: Rule) => void;

/** Rule that a plugin must keep before anything can be asked of it. */
const reachRule = "C1";

/**
 * Checks rule by rule; the results in the order of the catalogue.
 * @throws {CannotVerify} where the plugin cannot be checked as it was asked for.
 */
export async function runRules(kit: Kit, rules: readonly Rule[], progress: Progress): Promise<readonly RuleResult[]> {
  const results = new Map<string, RuleResult>();
  const order = toOrder(rules);
  for (const [done, rule] of order.entries()) {
    progress(done, order.length, rule);
    const result = await runRule(kit, rule, results);
    results.set(rule.id, result);
    if (rule.id === reachRule && result.outcome !== "failed") await probe(kit);
  }
  return rules.map(({ id }) => results.get(id)!);
}

/** Each behind those it builds on, those that end processes last, and otherwise as in the catalogue. */
function toOrder(rules: readonly Rule[]): readonly Rule[] {
  const order: Rule[] = [];
  const place = (rule: Rule) => {
    if (order.includes(rule)) return;
    for (const id of rule.after) {
      const other = rules.find((candidate) => candidate.id === id);
      if (other !== undefined) place(other);
    }
    order.push(rule);
  };
  for (const rule of rules) if (!rule.isLast) place(rule);
  for (const rule of rules) place(rule);
  return order;
}

async function runRule(kit: Kit, rule: Rule, results: ReadonlyMap<string, RuleResult>): Promise<RuleResult> {
  const beganMs = performance.now();
  const finish = (outcome: RuleResult["outcome"], remarks: readonly string[], finding?: RuleResult["finding"]) => {
    return { rule, outcome, remarks, finding, durationMs: performance.now() - beganMs };
  };
  if (results.get(reachRule)?.outcome === "failed") return finish("skipped", [`${reachRule} failed`]);
  if (rule.id !== reachRule && !rule.levels.includes(kit.level))
    return finish("skipped", [`not at the level ${kit.level}`]);
  const broken = rule.after.find((id) => results.get(id)?.outcome === "failed");
  if (broken !== undefined) return finish("skipped", [`${broken} failed`]);
  kit.begin(rule.id);
  try {
    await rule.check(kit);
    checkAlive(kit, rule);
    return finish(kit.remarks.length > 0 ? "warned" : "passed", [...kit.remarks]);
  } catch (error) {
    if (error instanceof NotApplicable) return finish("skipped", [error.message]);
    if (!(error instanceof RuleFailure)) throw error;
    await kit.plugin.noticeEnd();
    return finish("failed", [...kit.remarks, ...lastWords(kit, rule)], error.finding);
  } finally {
    kit.end();
  }
}

/** No rule but those about its end may end a process. */
function checkAlive({ plugin }: Kit, rule: Rule): void {
  if (plugin.ended === undefined || rule.isLast) return;
  throw new RuleFailure("a process that goes on", `one that ${plugin.ended}`);
}

/** What the process wrote, where it has ended or cannot be reached. */
function lastWords({ plugin }: Kit, rule: Rule): readonly string[] {
  if (plugin.output === undefined || (plugin.ended === undefined && rule.id !== reachRule)) return [];
  const ending = plugin.ended === undefined ? [] : [`the process ${plugin.ended}`];
  const { stdout, stderr } = plugin.output;
  const written = [stdout.tail(5), stderr.tail(20)].filter((text) => text !== "");
  return [...ending, ...written.map((text) => `it wrote:\n${text}`)];
}
