import { rules } from "./catalogue.ts";
import { defaultNeeds } from "./default-needs.ts";
import { Kit, type Latency } from "./kit/kit.ts";
import { createPluginUnderTest, type PluginSubject } from "./kit/plugin-under-test.ts";
import { CannotVerify, type Level, type Rule, type RuleResult } from "./rule.ts";
import { type Progress, runRules } from "./run-rules.ts";

/** What is verified, and how. */
export interface VerifyOptions {
  readonly subject: PluginSubject;
  /** Only this type; default all that are served. */
  readonly type?: string | undefined;
  /** `parameters:` as JSON; empty: none. */
  readonly parameters?: string;
  /** Keys that only an operator grants; default none. */
  readonly grant?: readonly string[];
  /** What a plugin of the level basic gets; default what a host gives it. */
  readonly needs?: readonly string[];
  /** Level that it is to serve at least; default any. */
  readonly level?: Level | undefined;
  /** Everything that is random comes from it. */
  readonly seed: number;
  /** Longest wait for the plugin to listen, in ms; default a host's. */
  readonly startMs?: number;
  /** Longest wait for one answer, in ms; default 5,000. */
  readonly patienceMs?: number;
  /** Only these rules, and those that they build on; default all. */
  readonly rules?: readonly string[] | undefined;
  readonly progress?: Progress;
}

/** What came of it. */
export interface VerifyReport {
  /** As the plugin names itself; empty at the level basic. */
  readonly plugin: string;
  readonly version: string;
  /** `undefined` where it could not be reached. */
  readonly level: Level | undefined;
  readonly types: readonly string[];
  readonly seed: number;
  /** A result a rule, in the order of the catalogue. */
  readonly results: readonly RuleResult[];
  /** `undefined` where no calls could be timed. */
  readonly latency: Latency | undefined;
  readonly durationMs: number;
}

/** Time that a host gives a plugin to listen, in ms. */
const defaultStartMs = 30_000;

const defaultPatienceMs = 5_000;

/**
 * Plays the host to a plugin and checks its duties, rule by rule. Nothing that was started is left behind.
 * @throws {CannotVerify} where the plugin cannot be checked as it was asked for.
 */
export async function verifyPlugin(options: VerifyOptions): Promise<VerifyReport> {
  const { subject, seed, startMs = defaultStartMs, patienceMs = defaultPatienceMs } = options;
  const { type, parameters = "", grant = [], needs = defaultNeeds, level: demanded } = options;
  const chosen = chooseRules(options.rules);
  const beganMs = performance.now();
  const plugin = await createPluginUnderTest(subject, startMs);
  const kit = new Kit({ plugin, seed, patienceMs, type, parameters, grant, needs, demanded });
  try {
    const results = await runRules(kit, chosen, options.progress ?? (() => {}));
    return toReport(kit, results, performance.now() - beganMs);
  } finally {
    kit.end();
    await plugin.stop();
  }
}

/** @throws {CannotVerify} for an id that is no rule's. */
function chooseRules(ids: readonly string[] | undefined): readonly Rule[] {
  if (ids === undefined) return rules;
  const chosen = new Set<string>(["C1"]);
  const choose = (id: string) => {
    const rule = rules.find((candidate) => candidate.id === id);
    if (rule === undefined) throw new CannotVerify(`there is no rule ${id}: they are C1 to ${rules.at(-1)!.id}`);
    chosen.add(id);
    for (const other of rule.after) choose(other);
  };
  for (const id of ids) choose(id);
  return rules.filter(({ id }) => chosen.has(id));
}

function toReport(kit: Kit, results: readonly RuleResult[], durationMs: number): VerifyReport {
  const isReached = results.some(({ rule, outcome }) => rule.id === "C1" && outcome !== "failed");
  return {
    plugin: kit.hello?.plugin ?? "",
    version: kit.hello?.pluginVersion ?? "",
    level: isReached ? kit.level : undefined,
    types: kit.instances.map(({ type }) => type),
    seed: kit.options.seed,
    results,
    latency: kit.latency,
    durationMs,
  };
}
