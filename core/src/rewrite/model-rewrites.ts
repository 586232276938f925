/** Models that some of the client's become. */
export interface RewriteRule {
  /** Names the rule. */
  readonly name: string;
  /** Models of the client, exactly; none = every model that no other rule names, and requests that name none. */
  readonly models: readonly string[];
  /** A request gets one by chance, in proportion to the weights. */
  readonly targets: readonly RewriteTarget[];
}

/** One of the models that a rule leads to. */
export interface RewriteTarget {
  readonly model: string;
  /**
   * Share relative to the other targets; absent = none: never chosen beside one that has a weight, and as likely as any
   * other where none has. What is not above 0 counts as absent.
   */
  readonly weight?: number | undefined;
}

/** A model to ask for in the place of a client's, and the rule that says so. */
export interface ChosenRewrite {
  /** Name of the rule. */
  readonly rule: string;
  readonly model: string;
}

/**
 * Tells the model that is asked for in the place of a client's; `undefined` where no rule is for it.
 * @param clientModel empty where the request names none.
 * @param random next number in [0, 1); asked once where the rule has several targets, else never.
 */
export type ModelRewrites = (clientModel: string, random: () => number) => ChosenRewrite | undefined;

/** Of the rules that name a model the first counts, else the first that names none. One without targets is for nothing. */
export function createModelRewrites(rules: readonly RewriteRule[]): ModelRewrites {
  const byModel = new Map<string, RewriteRule>();
  for (const rule of rules) for (const model of rule.models) if (!byModel.has(model)) byModel.set(model, rule);
  const general = rules.find(({ models }) => models.length === 0);
  return (clientModel, random) => {
    const rule = byModel.get(clientModel) ?? general;
    const target = rule && chooseTarget(rule.targets, random);
    return target && { rule: rule.name, model: target.model };
  };
}

function chooseTarget(targets: readonly RewriteTarget[], random: () => number): RewriteTarget | undefined {
  if (targets.length <= 1) return targets[0];
  const heaviest = Math.max(...targets.map(weightOf));
  if (heaviest === 0) return targets[Math.min(Math.floor(random() * targets.length), targets.length - 1)];
  // As parts of the heaviest, so that no sum of them overflows.
  const parts = targets.map((target) => weightOf(target) / heaviest);
  let left = random() * parts.reduce((sum, part) => sum + part, 0);
  const last = targets[parts.findLastIndex((part) => part > 0)];
  return (
    targets.find((_, i) => {
      left -= parts[i];
      return left < 0 && parts[i] > 0;
    }) ?? last
  );
}

function weightOf({ weight = 0 }: RewriteTarget): number {
  return weight > 0 && Number.isFinite(weight) ? weight : 0;
}
