import { fromBitmap } from "@outrider/transport";
import { Comparison } from "../kit/comparison.ts";
import { toFrameText } from "../kit/frame-text.ts";
import { isInflightKey, type TestedInstance } from "../kit/instance.ts";
import type { Kit } from "../kit/kit.ts";
import type { FeedbackInit } from "../kit/link.ts";
import { type Received, SessionLink } from "../kit/session-link.ts";
import { expectAllSame, toRows } from "../kit/test-answer.ts";
import type { TestCall } from "../kit/test-call.ts";
import { slotsOf, type World } from "../kit/world.ts";
import { NotApplicable, type Rule, RuleFailure } from "../rule.ts";
import { sessions, sound, stateful, steady, synced } from "./groups.ts";

/** Longest wait for the first table of a type that sends them by itself, in ms. */
const tableMs = 3_000;

/** What goes along with calls, and what comes without one. */
export const eventRules: readonly Rule[] = [
  {
    id: "C37",
    title: "Takes counts of requests in flight as absolute",
    levels: sessions,
    checks: "Sends the same in-flight values with two batches, and InFlight twice: the answers stay the same.",
    source: "In-flight columns: absolute values, applied before the calls of their batch; InFlight repairs counts",
    remedy: "Overwrite in-flight values; never add them up.",
    after: steady,
    check: checkInflight,
  },
  {
    id: "C38",
    title: "Takes feedback in any amount, also what it does not expect",
    levels: stateful,
    checks:
      "Sends the events of 300 calls, some of them twice, of unknown calls and instances; calls are answered as ever.",
    source: "Feedback: exactly one Done a call; losses are counted in `dropped`",
    remedy: "Ignore events of calls you do not know; a second Done must change nothing.",
    after: sound,
    check: checkFeedback,
  },
  {
    id: "C39",
    title: "Produces what it says, under the numbers it was given",
    levels: stateful,
    checks: "Looks at the columns of a producer's answers: those of its keys, once each, or none and why; no scores.",
    source: "Producers: values in `data`, one entry a name, numbered in Instance.data",
    remedy: "Answer one CandidateData for each of `produces`, with the number of `data.<name>` of your instance.",
    after: sound,
    check: checkProduced,
  },
  {
    id: "C40",
    title: "Sends score tables that hold",
    levels: sessions,
    checks: "Looks at each ScoreTable: epoch, instance, live slots, one score in [0, 1] a slot, a time to live.",
    source: "ScoreTable: one score a named slot, in the epoch of the session, valid for ttl_ms",
    remedy: "Build tables from the endpoints of the present epoch and revision, and give them a ttl_ms above 0.",
    after: sound,
    check: checkTables,
  },
  {
    id: "C41",
    title: "Sends tables for a type that does not look at requests",
    levels: ["push"],
    checks: `Waits ${tableMs} ms for a table of each type that is request_independent, and for another when values change.`,
    source: "ScorerSpec.request_independent: the host expects ScoreTables and puts no calls",
    remedy: "Send a ScoreTable once state has come, and again before its ttl_ms has passed or when scores change.",
    after: synced,
    check: checkTablesCome,
  },
];

async function checkInflight(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  const calls = kit.asked.map((instance) => kit.calls.create(instance, link.world!));
  const askAgain = () => link.ask(calls.map((call) => kit.calls.again(call)));
  const slots = slotsOf(link.world!).slice(0, 4);
  const counts = { slots: [...slots], counts: slots.map((slot) => slot + 1) };
  link.send({ case: "inflight", value: counts });
  const wanted = await askAgain();
  link.send({ case: "inflight", value: counts });
  expectAllSame(await askAgain(), wanted, "the answer with the same counts before");
  const other = await kit.readySession();
  const comparison = new Comparison(kit);
  for (let i = 0; i < 3; i += 1) {
    other.world = withInflight(other.world!, i);
    await comparison.ask(other, "with other values of the in-flight columns");
  }
  await comparison.settle();
}

/** The same table with other requests in flight: these belong to no revision. */
function withInflight(world: World, more: number): World {
  const endpoints = [...world.endpoints].map(([slot, endpoint]) => {
    const keys = [...endpoint.values.keys()].filter(isInflightKey);
    const values = new Map(endpoint.values);
    for (const key of keys) values.set(key, { value: (slot * 7 + more) % 11, atMs: world.nowMs });
    return [slot, { ...endpoint, values }] as const;
  });
  return { ...world, endpoints: new Map(endpoints) };
}

async function checkFeedback(kit: Kit): Promise<void> {
  const told = kit.asked.filter(({ granted }) => granted.some(({ key }) => key.startsWith("events.")));
  if (told.length === 0) throw new NotApplicable("the plugin asks for no events");
  const link = await kit.ready();
  for (const instance of told) {
    const calls = Array.from({ length: 300 }, () => kit.calls.create(instance, link.world!));
    for (let from = 0; from < calls.length; from += 30) {
      const part = calls.slice(from, from + 30);
      await link.ask(part);
      const events = part.flatMap((call, i) => eventsOf(instance, call, link.world!, i));
      await link.feedback(events, from === 60 ? 17 : 0);
    }
    if (link instanceof SessionLink) await link.settle();
    for (const answer of await link.ask([kit.calls.create(instance, link.world!)])) toRows(answer);
  }
}

/** All that can become of a call; of some twice, and of some under names that nobody knows. */
function eventsOf(instance: TestedInstance, { callId, nowMs }: TestCall, world: World, i: number): FeedbackInit[] {
  const slot = slotsOf(world)[i % world.endpoints.size]!;
  const common = {
    callId: i % 7 === 3 ? callId + 1_000_000 : callId,
    slot,
    instance: i % 11 === 5 ? 999 : instance.id,
  };
  const has = (key: string) => instance.granted.some((need) => need.key === key);
  const picks = [{ profile: "default", slot }];
  const cause = i % 5 === 0 ? "client_cancelled" : "ok";
  const blockHashesU64le = new Uint8Array(has("events.answer_blocks") && cause === "ok" ? 8 * (i % 3) : 0).fill(i);
  const done: FeedbackInit = {
    ...common,
    atMs: nowMs + 90,
    event: { case: "done", value: { cause, status: 200, outputTokens: 12, blockHashesU64le } },
  };
  const picked: FeedbackInit = {
    ...common,
    atMs: nowMs + 1,
    event: { case: "picked", value: { totalScore: 1, picks } },
  };
  const progress: FeedbackInit = { ...common, atMs: nowMs + 50, event: { case: "progress", value: { chunks: 2 } } };
  return [
    ...(has("events.picked") ? [picked] : []),
    ...(has("events.progress") ? [progress] : []),
    done,
    ...(i % 4 === 0 ? [done] : []),
  ];
}

async function checkProduced(kit: Kit): Promise<void> {
  const producers = kit.asked.filter(({ role }) => role === "producer");
  if (producers.length === 0) throw new NotApplicable("the plugin serves no producer");
  const link = await kit.ready();
  for (const instance of producers) {
    const [answer] = await link.ask([kit.calls.create(instance, link.world!)]);
    const { data, reason, scores } = answer!.response;
    const wanted = kit.columns.filter(({ key }) => instance.produces.includes(key)).map(({ id }) => id);
    const came = data.map(({ column }) => column).sort((a, b) => a - b);
    const saysWhyNone = came.length === 0 && reason !== "";
    if (!saysWhyNone && came.join() !== wanted.join()) {
      const names = instance.produces.join(", ");
      throw new RuleFailure(
        `columns ${wanted.join(", ")} (${names})`,
        came.join(", ") || "none",
        toFrameText(answer!.frame),
      );
    }
    if (scores.length > 0)
      throw new RuleFailure("no scores of a producer", `${scores.length}`, toFrameText(answer!.frame));
  }
}

async function checkTables(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  await link.settle();
  if (kit.level === "push") await nextTable(link, () => true, "a table").catch(() => {});
  await link.delta(kit.worlds.next(link.world!, (all) => all.delete(3)));
  const calls = kit.asked.map((instance) => kit.calls.create(instance, link.world!));
  await link.ask(calls);
  await link.settle();
  if (link.tables.length === 0) throw new NotApplicable("the plugin sent no table");
  for (const table of link.tables) expectTable(kit, link, table);
}

function expectTable(kit: Kit, link: SessionLink, { value, frame }: Received<"table">): void {
  const fail = (expected: string, came: string): never => {
    throw new RuleFailure(expected, came, toFrameText(frame));
  };
  const slots = [...fromBitmap(value.slots)];
  if (value.epoch !== link.epoch) fail(`a table of epoch ${link.epoch}`, `one of ${value.epoch}`);
  if (value.rev > link.world!.rev) fail(`a table of a revision up to ${link.world!.rev}`, `one of ${value.rev}`);
  if (!kit.instances.some(({ id }) => id === value.instance))
    fail("a table of an instance", `one of ${value.instance}`);
  if (value.scores.length !== slots.length) fail(`${slots.length} scores`, String(value.scores.length));
  if (value.ttlMs === 0) fail("a ttl_ms above 0", "0");
  if (!["", "model", "session_key"].includes(value.keyBy)) fail("key_by model, session_key or none", value.keyBy);
  const wrong = value.scores.find((score) => !(score >= 0 && score <= 1));
  if (wrong !== undefined) fail("scores in [0, 1]", String(wrong));
  const stray = slots.find((slot) => slot > 12);
  if (stray !== undefined) fail("slots that were there", String(stray));
  if (value.rev === link.world!.rev && slots.includes(3)) fail("no score of slot 3, which was removed", "one");
}

async function checkTablesCome(kit: Kit): Promise<void> {
  const pushed = kit.instances.filter(({ requestIndependent }) => requestIndependent);
  const link = await kit.readySession();
  for (const { id, type } of pushed) {
    await nextTable(link, ({ value }) => value.instance === id, `a table of ${type}`);
  }
  const { rev } = link.world!;
  await link.delta(
    kit.worlds.next(link.world!, (all) => {
      for (const [slot, endpoint] of all) all.set(slot, kit.worlds.remeasure(endpoint, link.world!.nowMs));
    }),
  );
  for (const { id, type } of pushed) {
    const isNewer = ({ value }: Received<"table">) => value.instance === id && value.rev > rev;
    await nextTable(link, isNewer, `a table of ${type} on a revision after ${rev}`);
  }
}

function nextTable(
  link: SessionLink,
  isWanted: (table: Received<"table">) => boolean,
  expected: string,
): Promise<unknown> {
  return link.until(() => link.tables.find(isWanted), `${expected} within ${tableMs} ms`, { timeoutMs: tableMs });
}
