import { toFrameText } from "../kit/frame-text.ts";
import type { Kit } from "../kit/kit.ts";
import type { SessionLink } from "../kit/session-link.ts";
import { expectSame, type TestAnswer, toRows } from "../kit/test-answer.ts";
import { NotApplicable, type Rule, RuleFailure } from "../rule.ts";
import { answering, everyLevel, sessions, sound, stateful, steady } from "./groups.ts";

/** A pong may take so long, in ms. */
const pongMs = 2_000;

/** Calls of a load that is nothing for a plugin and something for a slow one. */
const loadCalls = 256;

/** Calls that share a batch, a budget, a credit. */
export const batchRules: readonly Rule[] = [
  {
    id: "C23",
    title: "Fails a call by itself, and not its batch-mates",
    levels: stateful,
    checks:
      "Puts a call to an instance that does not exist among good ones: it fails, the others are answered as ever.",
    source: "Errors: each call of a batch is answered and fails by itself",
    remedy: "Answer a call that fails with CallError in its own ScoreResponse, and go on with the others.",
    after: steady,
    check: checkMates,
  },
  {
    id: "C24",
    title: "Answers calls whose budget is spent",
    levels: everyLevel,
    checks: "Puts calls with a budget of 1 µs and of none: each is answered, with numbers or deadline_exceeded.",
    source: "Deadlines: a call that is dropped is answered with deadline_exceeded, so that credit never leaks",
    remedy: "Where the budget has run out before a call had its turn, answer deadline_exceeded instead of nothing.",
    after: sound,
    check: checkBudgets,
  },
  {
    id: "C25",
    title: "Answers calls that were cancelled",
    levels: sessions,
    checks: "Puts calls and cancels them and some that do not exist: each call is answered once all the same.",
    source: "Cancel: each is answered all the same, with deadline_exceeded; only for the feature `cancel`",
    remedy: "Answer a cancelled call with deadline_exceeded, or with its numbers; ignore ids that you do not know.",
    after: sound,
    check: checkCancel,
  },
  {
    id: "C26",
    title: "Takes as many calls as it gives credit for, at least one",
    levels: sessions,
    checks: "Fills the announced credit twice over, in one batch and in turn: none is refused as resource_exhausted.",
    source: "Credit: calls that the plugin accepts before it has answered one; at least 1",
    remedy: "Announce what you can queue, and answer each of these; send Credit only with a number from 1.",
    after: answering,
    check: checkCredit,
  },
  {
    id: "C27",
    title: "Answers a ping within 2 s, under load too",
    levels: sessions,
    checks: `Pings at rest and behind ${loadCalls} calls.`,
    source: "Ping: must be answered within 2 s; a plugin that does not is degraded",
    remedy: "Answer pings from where frames are read, not from where calls are worked off.",
    after: answering,
    check: checkPing,
  },
];

async function checkMates(kit: Kit): Promise<void> {
  const link = await kit.ready();
  for (const instance of kit.asked) {
    const call = kit.calls.create(instance, link.world!);
    const [wanted] = await link.ask([call]);
    const bad = { ...kit.calls.again(call), instance: { ...instance, id: 999 } };
    const [first, refused, last] = await link.ask([kit.calls.again(call), bad, kit.calls.again(call)]);
    expectSame(first!, wanted!, "the answer without a bad call in the batch");
    expectSame(last!, wanted!, "the answer without a bad call in the batch");
    if (refused!.response.error !== undefined) continue;
    throw new RuleFailure("an error for a call to instance 999", "numbers", toFrameText(refused!.frame));
  }
}

async function checkBudgets(kit: Kit): Promise<void> {
  const link = await kit.ready();
  for (const instance of kit.asked) {
    const calls = [1, 0, 1, 50].map((budgetUs) => ({ ...kit.calls.create(instance, link.world!), budgetUs }));
    for (const answer of await link.ask(calls)) expectDeadline(answer);
  }
}

/** Numbers, or the one error that fits. */
function expectDeadline(answer: TestAnswer): void {
  const { error } = answer.response;
  if (error === undefined) toRows(answer);
  else if (error.code !== "deadline_exceeded") {
    throw new RuleFailure("numbers or deadline_exceeded", `${error.code}: ${error.message}`, toFrameText(answer.frame));
  }
}

async function checkCancel(kit: Kit): Promise<void> {
  if (kit.hello?.features.includes("cancel") !== true) throw new NotApplicable("the plugin lacks the feature cancel");
  const link = await kit.readySession();
  for (const instance of kit.asked) {
    const calls = Array.from({ length: 8 }, () => kit.calls.create(instance, link.world!));
    link.putCalls(calls);
    link.send({ case: "cancel", value: { callIds: [...calls.map(({ callId }) => callId), 4_000_000_000] } });
    await link.answered(calls);
    await link.settle();
    for (const call of calls) expectDeadline(link.answerTo(call));
  }
}

async function checkCredit(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  await link.settle();
  const { credit = 256 } = link;
  if (credit < 1) throw new RuleFailure("a credit of at least 1", String(credit));
  const size = Math.min(credit, 256);
  for (const instance of kit.asked) {
    const together = Array.from({ length: size }, () => kit.calls.create(instance, link.world!));
    const answers = [...(await link.ask(together))];
    const apart = Array.from({ length: size }, () => kit.calls.create(instance, link.world!));
    for (const call of apart) link.putCalls([call]);
    await link.answered(apart);
    answers.push(...apart.map((call) => link.answerTo(call)));
    const refused = answers.find(({ response }) => response.error?.code === "resource_exhausted");
    if (refused === undefined) continue;
    throw new RuleFailure(
      `${size} calls taken, as its credit of ${credit} says`,
      "resource_exhausted",
      toFrameText(refused.frame),
    );
  }
}

async function checkPing(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  await link.ping(pongMs);
  for (const instance of kit.asked) await pingUnderLoad(kit, link, instance);
}

async function pingUnderLoad(kit: Kit, link: SessionLink, instance: Kit["asked"][number]): Promise<void> {
  const size = Math.min(loadCalls, link.credit ?? loadCalls);
  const calls = Array.from({ length: size }, () => kit.calls.create(instance, link.world!));
  link.putCalls(calls);
  await link.ping(pongMs);
  await link.answered(calls);
}
