import { createModelRewrites, createRandom, deriveSeed, type RewriteRule } from "@outrider/core";
import { createPolicies, createRequestRules } from "@outrider/host";
import type { Fields } from "../../fields.ts";
import { loadText } from "../../host/load.ts";
import { poolOf, type RequestSetup, sendEach, toSetupText } from "../../host/send-request.ts";
import type { Shape } from "../../shapes.ts";
import { fail, fromFault, NotApplicable, pass, type Verdict } from "../../verdict.ts";

/** Times that a target is asked for, so that a wrong one shows. */
const requestCount = 10;
/** Seeds of draws count from here. */
const firstSeed = 1;

/** Rules that rewrite models. */
export const rewriteShapes: readonly Shape[] = [
  { given: ["rewrites", "model", "initial_target?"], want: ["target_one_of"], run: compareTargets },
  { given: ["targets", "draws"], want: ["distribution"], run: compareDraws },
];

/** `FROM -> TO`, `FROM -> TO weight N`, `FROM -> TO N / TO N`, `rule without matches -> TO`; `(t=N)` = when it was made. */
export function readRules(rules: readonly string[]): readonly RewriteRule[] {
  const aged = rules.map((words, i) => {
    const [, from = "", to = "", age] = /^(.+?) -> (.+?)(?: \(t=(\d+)\))?$/.exec(words) ?? [];
    const isGeneral = from === "rule without matches";
    if (from === "" || (from.includes(" ") && !isGeneral)) throw new NotApplicable("in words", words);
    const targets = to.split(" / ").map((target) => readTarget(target, words));
    return { age: Number(age ?? 0), rule: { name: `rule-${i + 1}`, models: isGeneral ? [] : [from], targets } };
  });
  return aged.toSorted((one, other) => one.age - other.age).map(({ rule }) => rule);
}

function readTarget(target: string, words: string): RewriteRule["targets"][number] {
  const [, model, weight] = /^(\S+)(?: (?:weight )?(\d+))?$/.exec(target) ?? [];
  if (model === undefined) throw new NotApplicable("in words", words);
  return weight === undefined ? { model } : { model, weight: Number(weight) };
}

/** Through the whole host; two rules for one model, which no configuration may have, by the rules alone. */
async function compareTargets(given: Fields, want: Fields): Promise<Verdict> {
  const model = given.string("model");
  const wanted = want.texts("target_one_of");
  const modelRewrites = readRules(given.texts("rewrites"));
  const setup: RequestSetup = { pool: poolOf(["192.168.1.1:8000"]), sections: { modelRewrites } };
  const owned = modelRewrites.flatMap(({ models }) => (models.length === 0 ? ["*"] : models));
  const isTwice = new Set(owned).size < owned.length;
  const found = isTwice
    ? drawTargets(createModelRewrites(modelRewrites), model, requestCount)
    : await askTargets(setup, model, given);
  const odd = found.find((target) => !wanted.includes(target));
  if (odd !== undefined) return fail(`the model is ${odd}`);
  return pass(isTwice ? "by the rules, oldest first; a configuration with both is refused" : "");
}

async function askTargets(setup: RequestSetup, model: string, given: Fields): Promise<readonly string[]> {
  const initial = given.has("initial_target") ? given.string("initial_target") : undefined;
  const headers = initial === undefined ? {} : { "x-llm-d-model-name-rewrite": initial };
  const request = { body: { model, prompt: "p" }, headers };
  const answers = await sendEach(
    setup,
    Array.from({ length: requestCount }, () => request),
  );
  return answers.map(({ body, message }) => (body === undefined ? message : String(JSON.parse(body.toString()).model)));
}

/** Each draw with the randomness of a decision of its own. */
function drawTargets(rewriteOf: ReturnType<typeof createModelRewrites>, model: string, draws: number): string[] {
  return Array.from(
    { length: draws },
    (_, i) => rewriteOf(model, createRandom(deriveSeed(firstSeed + i, 0)))?.model ?? model,
  );
}

/** `70/30 +-20 %` or `even +-20 %`: shares in the order of the targets. */
async function compareDraws(given: Fields, want: Fields): Promise<Verdict> {
  const words = want.string("distribution");
  const [, shares = "", tolerance] = /^([\d/]+|even) \+-(\d+) ?%$/.exec(words) ?? [];
  if (tolerance === undefined) throw new NotApplicable("in words", words);
  const targets = given.object("targets");
  const names = Object.keys(targets.values);
  const parts = shares === "even" ? names.map(() => 1) : shares.split("/").map(Number);
  const whole = parts.reduce((sum, part) => sum + part, 0);
  const draws = given.number("draws");
  const drawn = drawTargets(await rulesOf(targets), "asked-for", draws);
  const fault = names.find((name, i) => {
    const wanted = (draws * (parts[i] ?? 0)) / whole;
    const found = drawn.filter((target) => target === name).length;
    return Math.abs(found - wanted) > (wanted * Number(tolerance)) / 100;
  });
  return fromFault(fault && `${fault} was drawn ${drawn.filter((target) => target === fault).length} times`);
}

/** One rule with these targets, as a configuration has it; no weight where a target's is `null`. */
async function rulesOf(targets: Fields) {
  const entries = Object.keys(targets.values).map((model) =>
    targets.has(model) ? { model, weight: targets.number(model) } : { model },
  );
  const modelRewrites = [{ models: ["asked-for"], targets: entries }];
  const config = await loadText(toSetupText({ pool: [], sections: { modelRewrites } }));
  return createRequestRules(config.requests, createPolicies(config.policies)).rewriteOf;
}
