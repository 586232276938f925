import type { Granted, TestedInstance } from "../kit/instance.ts";
import type { Kit } from "../kit/kit.ts";
import { toRows } from "../kit/test-answer.ts";
import { type Rule, RuleFailure } from "../rule.ts";
import { configured, greeted, sessions, sound, stateful } from "./groups.ts";

/** What the plugin does with its configuration. */
export const configureRules: readonly Rule[] = [
  {
    id: "C12",
    title: "Takes its configuration",
    levels: stateful,
    checks: "Configures an instance of each type with the parameters given, twice over one connection.",
    source: "Configure: instances replace earlier ones as a whole; faults are in the answer",
    remedy:
      "Accept `parameters:` that fit your schema; where the type cannot do without any, give them with --parameters.",
    after: greeted,
    check: checkConfigure,
  },
  {
    id: "C13",
    title: "Reports all faults of a configuration at once",
    levels: stateful,
    checks:
      "Configures two instances of types that do not exist beside a good one: a fault each, then all is well again.",
    source: "Configure: all faults at once, by instance and path, and not as an error of the call",
    remedy: "Check every instance before you answer; add a ConfigError for each fault, and change nothing then.",
    after: configured,
    check: checkFaults,
  },
  {
    id: "C14",
    title: "Works with what it was granted",
    levels: stateful,
    checks: "Grants only the needs that are required, sends nothing else, and expects answers: abstentions will do.",
    source: "Needs: asked for by the plugin, granted by the operator; what is not granted is not sent",
    remedy: "Abstain where a value is missing; mark a need as required where the type is of no use without it.",
    after: sound,
    check: checkGrants,
  },
  {
    id: "C15",
    title: "Becomes ready",
    levels: sessions,
    checks: "Configures, and waits until no Health says otherwise.",
    source: "Health: sent behind configured and whenever it changes; before the first, ready",
    remedy: "Send Health{ready: true} once calls can be answered.",
    after: configured,
    check: checkReady,
  },
];

async function checkConfigure(kit: Kit): Promise<void> {
  const link = await kit.open();
  await kit.configure(link);
  const { errors } = await link.configure(kit.instances);
  if (errors.length > 0)
    throw new RuleFailure("no fault the second time", errors.map(({ message }) => message).join("; "));
}

async function checkFaults(kit: Kit): Promise<void> {
  const link = await kit.open();
  await link.hello();
  const wrong = [901, 902].map((id) => ({ ...kit.instances[0]!, id, type: `no-such-type-${id}` }));
  const { errors } = await link.configure([wrong[0]!, ...kit.instances, wrong[1]!]);
  const blamed = errors.map(({ instance }) => instance);
  const missing = wrong.filter(({ id }) => !blamed.includes(id)).map(({ id }) => id);
  if (missing.length > 0) {
    const came = errors.map(({ instance, path, message }) => `instance ${instance} ${path}: ${message}`).join("; ");
    throw new RuleFailure("a fault each of instances 901 and 902", came === "" ? "none" : `only ${came}`);
  }
  const wrongly = kit.instances.find(({ id }) => blamed.includes(id));
  if (wrongly !== undefined) throw new RuleFailure(`no fault of instance ${wrongly.id}, ${wrongly.type}`, "one");
  const again = await link.configure(kit.instances);
  if (again.errors.length > 0) throw new RuleFailure("no fault in a good configuration behind a bad one", "one");
}

async function checkGrants(kit: Kit): Promise<void> {
  const instances = kit.instances.map((instance) => ({ ...instance, granted: requiredOf(kit, instance) }));
  const link = await kit.ready(kit.worlds.create(5), { instances });
  const calls = instances
    .filter(({ requestIndependent }) => !requestIndependent)
    .map((instance) => kit.calls.create(instance, link.world!));
  for (const answer of await link.ask(calls)) toRows(answer);
}

function requiredOf({ hello }: Kit, { type, granted }: TestedInstance): readonly Granted[] {
  const needs = hello?.scorers.find((spec) => spec.type === type)?.needs ?? [];
  return granted.filter(({ key }) => needs.some((need) => need.key === key && need.required));
}

async function checkReady(kit: Kit): Promise<void> {
  const link = await kit.openSession();
  await kit.configure(link);
  await link.settle();
  await link.until(() => (link.health?.ready === false ? undefined : true), "Health{ready: true}", {
    came: () => `Health{ready: false, message: "${link.health?.message ?? ""}"}`,
  });
}
