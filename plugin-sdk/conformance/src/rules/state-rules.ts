import { Comparison } from "../kit/comparison.ts";
import { toFrameText } from "../kit/frame-text.ts";
import { isColumnKey, isInflightKey, type TestedInstance } from "../kit/instance.ts";
import type { Kit } from "../kit/kit.ts";
import type { Link } from "../kit/link.ts";
import { type Chunk, toDeltaStep } from "../kit/state-steps.ts";
import { toRows } from "../kit/test-answer.ts";
import { slotsOf, type World, withoutValues, withValue } from "../kit/world.ts";
import { type Rule, RuleFailure } from "../rule.ts";
import { sound, stateful, steady } from "./groups.ts";

/** Slots and their endpoints. */
export const stateRules: readonly Rule[] = [
  {
    id: "C28",
    title: "Refuses a step that does not fit, and is well again after a full one",
    levels: stateful,
    checks: "Sends steps from a stale revision and of another epoch: a NACK each, nothing changed; then a full table.",
    source: "State: NACK is explicit, failed_precondition; the host answers with a full table",
    remedy: "Compare epoch and from_rev with what you have; answer `nack` and keep your table where they differ.",
    after: steady,
    check: checkNack,
  },
  {
    id: "C29",
    title: "Abstains for slots that it does not know, and leaves none out",
    levels: stateful,
    checks: "Removes slots and asks about them among others: their number is there, with the bit of abstain set.",
    source: "Candidates: a slot that the plugin no longer knows is abstained, never left out",
    remedy: "Drop removed slots from your table; in answers set their bit in `abstain` (producers: `unknown`).",
    after: sound,
    check: checkRemoved,
  },
  {
    id: "C30",
    title: "Never gives an endpoint what belongs to the one before it in its slot",
    levels: stateful,
    checks: "Frees slots, gives them to others without any value, and compares with a connection that saw only these.",
    source: "Slots: reused after the removal was acknowledged; values belong to the endpoint, not to the slot",
    remedy: "Forget values, labels and what was learned of a slot when it is removed.",
    after: [...steady, "C29"],
    check: checkReuse,
  },
  {
    id: "C31",
    title: "Never takes an unknown value for 0",
    levels: stateful,
    checks: "Asks with a value at 0, at something else and unknown, one column after the other.",
    source: "Columns: an absent key or a slot in `unknown` is unknown, never 0",
    remedy: "Abstain for a candidate whose value is unknown; do not read the number that stands in its place.",
    after: steady,
    check: checkUnknownValues,
  },
  {
    id: "C32",
    title: "Follows the table step by step",
    levels: stateful,
    checks:
      "Changes values, endpoints and their incarnation by deltas, and compares with a fresh full table each time.",
    source: "State: a step takes effect as a whole; a slot that is not named is unchanged",
    remedy: "Apply removals, then upserts, then columns; values of slots that a delta does not name stay as they are.",
    after: [...steady, "C29"],
    check: checkSteps,
  },
  {
    id: "C33",
    title: "Takes a full table at any time",
    levels: stateful,
    checks: "Sends full tables unasked, of the same and of a later revision, smaller and larger.",
    source: "State: full at any time is legal; what is not in it is gone",
    remedy: "Replace the whole table when `full` is set, whatever you had.",
    after: [...steady, "C29"],
    check: checkFull,
  },
  {
    id: "C34",
    title: "Answers on the state of the call, and on no half of a step",
    levels: stateful,
    checks: "Puts calls between the chunks of a step and right behind its last one.",
    source: "State: calls sent mid-step name the revision before; a call at rev r never meets older state",
    remedy: "Handle the frames of a connection in order; let a step take effect with its last chunk.",
    after: [...steady, "C29", "C32"],
    check: checkOrder,
  },
  {
    id: "C35",
    title: "Refuses calls on a state that it does not have",
    levels: stateful,
    checks: "Puts calls of another epoch and of a later revision: failed_precondition with have_epoch and have_rev.",
    source: "State: any mismatch is failed_precondition; the host sends a full table",
    remedy: "Answer failed_precondition where the epoch differs or the revision is one you do not have yet.",
    after: sound,
    check: checkForeign,
  },
];

async function checkNack(kit: Kit): Promise<void> {
  const link = await kit.ready();
  const comparison = new Comparison(kit);
  const next = kit.worlds.next(link.world!, (all) => remeasure(kit, link, all, () => true));
  const [step] = toDeltaStep(link.world!, next, link.view);
  const stale: readonly (readonly [what: string, chunk: Chunk])[] = [
    ["a step from a revision that it does not have", { ...step, fromRev: next.rev + 7, toRev: next.rev + 8 }],
    ["a step of another epoch", { ...step, epoch: (link.epoch % 4_000_000_000) + 1 }],
  ];
  for (const [what, chunk] of stale) {
    const { nack, rev, epoch } = await link.push([{ ...chunk, more: false }]);
    if (nack === undefined) throw new RuleFailure(`a NACK of ${what}`, `the acknowledgement of ${epoch}:${rev}`);
    if (nack.code !== "failed_precondition") throw new RuleFailure(`failed_precondition for ${what}`, nack.code);
    await comparison.ask(link, "behind a step that was refused");
  }
  await link.full(next);
  await comparison.ask(link, "behind a full table that followed a NACK");
  await comparison.settle();
}

async function checkRemoved(kit: Kit): Promise<void> {
  const link = await kit.ready();
  const all = slotsOf(link.world!);
  const gone = [0, 5, all.length - 1];
  await link.delta(
    kit.worlds.next(link.world!, (endpoints) => {
      for (const slot of gone) endpoints.delete(slot);
    }),
  );
  for (const instance of kit.asked) {
    const [answer] = await link.ask([kit.calls.create(instance, link.world!, [...all, all.length + 90])]);
    for (const row of toRows(answer!)) {
      const rated = [...gone, all.length].find((position) => !Number.isNaN(row[position]!));
      if (rated === undefined) continue;
      throw new RuleFailure(
        `no opinion on a slot that is free (position ${rated})`,
        String(row[rated]),
        toFrameText(answer!.frame),
      );
    }
  }
}

async function checkReuse(kit: Kit): Promise<void> {
  const comparison = new Comparison(kit);
  const link = await kit.ready();
  await comparison.ask(link, "before slots are reused");
  const slots = [1, 4, 9];
  await link.delta(
    kit.worlds.next(link.world!, (endpoints) => {
      for (const slot of slots) endpoints.delete(slot);
    }),
  );
  await comparison.ask(link, "with slots free");
  await link.delta(
    kit.worlds.next(link.world!, (endpoints) => {
      for (const slot of slots) endpoints.set(slot, withoutValues(kit.worlds.endpoint(link.world!.nowMs)));
    }),
  );
  await comparison.ask(link, "with other endpoints in the slots, of which nothing is known");
  await comparison.settle();
}

/** Values of the others, so that a score that is relative to them has something to be relative to. */
const middling = 0.5;

async function checkUnknownValues(kit: Kit): Promise<void> {
  for (const instance of kit.asked) {
    const keys = instance.granted.map(({ key }) => key).filter((key) => isColumnKey(key) && !isInflightKey(key));
    for (const key of keys) await checkUnknownValue(kit, instance, key);
  }
}

async function checkUnknownValue(kit: Kit, instance: TestedInstance, key: string): Promise<void> {
  const made = kit.worlds.create(3);
  const base = kit.worlds.next(made, (endpoints) => {
    for (const [slot, endpoint] of endpoints) endpoints.set(slot, withValue(endpoint, key, middling, made.nowMs));
  });
  const call = kit.calls.create(instance, base);
  const link = await kit.ready(withSlot(kit, base, key, 0));
  const zero = await scoresOf(kit, link, call);
  await link.full(withSlot(kit, link.world!, key, 1));
  const one = await scoresOf(kit, link, call);
  await link.full(withSlot(kit, link.world!, key, Number.NaN));
  const unknown = await scoresOf(kit, link, call);
  const isUsed = zero.some((value, i) => !Object.is(value, one[i]));
  const isTaken = zero.every((value, i) => Object.is(value, unknown[i]) && !Number.isNaN(value));
  if (!isUsed || !isTaken) return;
  throw new RuleFailure(`no opinion, or another one, where ${key} is unknown`, `${zero.join(", ")} as with 0`);
}

/** The same table with one value of the endpoint in slot 1 replaced. */
function withSlot(kit: Kit, world: World, key: string, value: number): World {
  return kit.worlds.next(world, (endpoints) => endpoints.set(1, withValue(endpoints.get(1)!, key, value, world.nowMs)));
}

/** What each row of the answer says of slot 1. */
async function scoresOf(kit: Kit, link: Link, call: ReturnType<Kit["calls"]["create"]>): Promise<readonly number[]> {
  const [answer] = await link.ask([kit.calls.again(call)]);
  return toRows(answer!).map((row) => row[1]!);
}

async function checkSteps(kit: Kit): Promise<void> {
  const comparison = new Comparison(kit);
  const link = await kit.ready();
  const changes: readonly (readonly [what: string, change: Parameters<typeof kit.worlds.next>[1]])[] = [
    ["all values new", (all) => remeasure(kit, link, all, () => true)],
    ["some values new", (all) => remeasure(kit, link, all, (slot) => slot % 3 === 0)],
    ["an endpoint more", (all) => all.set(all.size, kit.worlds.endpoint(link.world!.nowMs))],
    ["one restarted", (all) => all.set(2, { ...all.get(2)!, incarnation: all.get(2)!.incarnation + 1 })],
    ["another label", (all) => all.set(3, { ...all.get(3)!, labels: { zone: "elsewhere", name: "ü" } })],
    ["values unknown", (all) => all.set(4, withoutValues(all.get(4)!))],
    [
      "half of them gone",
      (all) => {
        for (const slot of [...all.keys()]) if (slot % 2 === 1) all.delete(slot);
      },
    ],
    ["nothing new", () => {}],
  ];
  for (const [what, change] of changes) {
    await link.delta(kit.worlds.next(link.world!, change));
    await comparison.ask(link, what);
  }
  await comparison.settle();
}

function remeasure(
  kit: Kit,
  link: Link,
  all: Map<number, ReturnType<Kit["worlds"]["endpoint"]>>,
  isNew: (slot: number) => boolean,
) {
  for (const [slot, endpoint] of all) if (isNew(slot)) all.set(slot, kit.worlds.remeasure(endpoint, link.world!.nowMs));
}

async function checkFull(kit: Kit): Promise<void> {
  const comparison = new Comparison(kit);
  const link = await kit.ready();
  await link.full(link.world!);
  await comparison.ask(link, "behind a full table of the revision that it has");
  for (const size of [5, 40, 1]) {
    const { rev, nowMs } = link.world!;
    await link.full({ ...kit.worlds.create(size), rev: rev + 3, nowMs: nowMs + 100 });
    await comparison.ask(link, `behind a full table of ${size}`);
  }
  await comparison.settle();
}

async function checkOrder(kit: Kit): Promise<void> {
  const link = await kit.ready(kit.worlds.create(6));
  const before = link.world!;
  const after = kit.worlds.next(before, (all) => {
    remeasure(kit, link, all, () => true);
    all.delete(2);
  });
  const comparison = new Comparison(kit);
  await comparison.askThrough(link, before, after);
  await comparison.settle();
}

async function checkForeign(kit: Kit): Promise<void> {
  const link = await kit.ready();
  const { epoch, world } = link;
  const foreign = [{ epoch: (epoch % 4_000_000_000) + 1 }, { rev: world!.rev + 5 }];
  for (const instance of kit.asked) {
    for (const at of foreign) {
      const [answer] = await link.ask([kit.calls.create(instance, world!)], at);
      const { error } = answer!.response;
      const what = `a call at ${at.epoch ?? epoch}:${at.rev ?? world!.rev} with state ${epoch}:${world!.rev}`;
      if (error?.code !== "failed_precondition") {
        throw new RuleFailure(`failed_precondition for ${what}`, error?.code ?? "numbers", toFrameText(answer!.frame));
      }
      if (error.haveEpoch === epoch && error.haveRev === world!.rev) continue;
      kit.remark(
        `failed_precondition tells have_epoch and have_rev as ${error.haveEpoch}:${error.haveRev}, has ${epoch}:${world!.rev}`,
      );
    }
    const [answer] = await link.ask([kit.calls.create(instance, world!)]);
    toRows(answer!);
    const { epoch: usedEpoch, rev } = answer!.response;
    if (usedEpoch === epoch && rev >= world!.rev) continue;
    throw new RuleFailure(
      `an answer on ${epoch}:${world!.rev} or later`,
      `${usedEpoch}:${rev}`,
      toFrameText(answer!.frame),
    );
  }
}
