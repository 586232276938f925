import { toFrameText } from "../kit/frame-text.ts";
import type { Kit } from "../kit/kit.ts";
import type { Link } from "../kit/link.ts";
import { SessionLink } from "../kit/session-link.ts";
import { toFullStep } from "../kit/state-steps.ts";
import { expectAllSame, expectSame, type TestAnswer, toRows } from "../kit/test-answer.ts";
import type { TestCall } from "../kit/test-call.ts";
import { slotsOf, type WorldEndpoint } from "../kit/world.ts";
import { type Rule, RuleFailure } from "../rule.ts";
import { answering, configured, everyLevel, sound, stateful, synced } from "./groups.ts";

/** How many candidates calls are put for. */
const sizes = [1, 2, 7, 8, 9, 100, 1_000] as const;

/** Real time between two times of asking, in ms. */
const laterMs = 300;

/** A virtual day. */
const dayMs = 86_400_000;

/** Every call is answered once, rightly formed, and the same each time. */
export const answerRules: readonly Rule[] = [
  {
    id: "C16",
    title: "Acknowledges a step of state once, behind its last chunk",
    levels: stateful,
    checks: "Sends 1,000 endpoints in several chunks, and expects one acknowledgement with epoch and revision.",
    source: "State: chunks of at most 64 KiB, applied as a whole with the last one",
    remedy:
      "Collect chunks until `more` is false, apply them at once, then answer with the epoch and `to_rev` of the step.",
    after: [...configured, "C15"],
    check: checkAck,
  },
  {
    id: "C17",
    title: "Answers every call exactly once",
    levels: everyLevel,
    checks: "Puts 200 calls in batches of several sizes and counts the answers, then waits for answers to nothing.",
    source: "Calls: each is answered exactly once, in any order and any split",
    remedy: "Answer each call_id of a batch once, errors included; an answer that is lost holds its credit for ever.",
    after: synced,
    check: checkOnce,
  },
  {
    id: "C18",
    title: "Answers with one number a candidate",
    levels: everyLevel,
    checks: `Puts calls for ${sizes.join(", ")} candidates, for all that live and for none; a producer without values says why.`,
    source: "ScoreResponse: scores one a candidate, in candidate order, ascending slot",
    remedy:
      "Size the answer by the candidates asked for (empty `candidates` = all that live), not by what you can rate.",
    after: answering,
    check: checkCounts,
  },
  {
    id: "C19",
    title: "Keeps its numbers finite, and its scores in [0, 1]",
    levels: everyLevel,
    checks: "Looks at all numbers of calls over tables with ordinary, very large and zero values.",
    source: "Numbers: NaN and infinities are errors, scores are in [0, 1], 1 best",
    remedy:
      "Clamp scores to [0, 1]; where there is no opinion set the bit in `abstain` (producers: `unknown`), never NaN.",
    after: [...answering, "C18"],
    check: checkValues,
  },
  {
    id: "C20",
    title: "Marks positions that exist in its bitmaps",
    levels: everyLevel,
    checks: "Looks for bits behind the last candidate in abstain, veto and unknown, and for a reason above 200 bytes.",
    source: "ScoreResponse: bitmaps are over positions; a reason is at most 200 bytes",
    remedy: "Bit i % 8 of byte i ÷ 8 stands for the candidate at position i of the call, not for its slot.",
    after: [...answering, "C18"],
    check: checkBitmaps,
  },
  {
    id: "C21",
    title: "Gives the same call with the same seed the same answer",
    levels: everyLevel,
    checks:
      "Asks twice in one batch, again with other calls between, and over another connection: bit by bit the same.",
    source: "Determinism: a plugin uses the seed of the call and no other randomness; Score is pure",
    remedy: "Draw randomness from `seed` alone, and learn from feedback, never from calls.",
    after: sound,
    check: checkSame,
  },
  {
    id: "C22",
    title: "Reads no clock but now_ms",
    levels: everyLevel,
    checks: `Asks the same again ${laterMs} ms later, with calls a virtual day ahead and back between.`,
    source: "Time: now_ms is the host's clock, virtual in replay; a plugin reads no other for decisions",
    remedy: "Take the time from `now_ms` of the call and of the state, and expect it to jump.",
    after: [...sound, "C21"],
    check: checkClock,
  },
];

async function checkAck(kit: Kit): Promise<void> {
  const link = await kit.open();
  await kit.configure(link);
  const world = kit.worlds.create(1_000);
  const chunks = toFullStep(world, link.view);
  const { epoch, rev, nack } = await link.push(chunks);
  const wanted = `${link.epoch}:${world.rev}`;
  if (nack !== undefined) throw new RuleFailure(`the acknowledgement of ${wanted}`, `${nack.code}: ${nack.message}`);
  if (`${epoch}:${rev}` !== wanted) throw new RuleFailure(`the acknowledgement of ${wanted}`, `${epoch}:${rev}`);
  if (!(link instanceof SessionLink)) return;
  await link.settle();
  const acks = link.received.filter((frame) => frame.case === "stateAck");
  if (acks.length === 1) return;
  const frame = toFrameText(acks[acks.length - 1]!.frame);
  throw new RuleFailure(`one acknowledgement of ${chunks.length} chunks`, String(acks.length), frame);
}

async function checkOnce(kit: Kit): Promise<void> {
  const link = await kit.ready();
  for (const instance of kit.asked) {
    for (const size of [1, 3, 16, 50, 30]) {
      const calls = Array.from({ length: size }, () => kit.calls.create(instance, link.world!));
      await askWithin(link, calls);
    }
  }
  if (!(link instanceof SessionLink)) return;
  await link.settle();
  for (const [callId, answers] of link.answers) {
    if (answers.length === 1) continue;
    throw new RuleFailure(`one answer to call ${callId}`, String(answers.length), toFrameText(answers[1]!.frame));
  }
}

/** Puts calls as far as the plugin's credit allows. */
async function askWithin(link: Link, calls: readonly TestCall[]): Promise<readonly TestAnswer[]> {
  const credit = link instanceof SessionLink ? Math.max(1, link.credit ?? 256) : 16;
  const answers: TestAnswer[] = [];
  for (let from = 0; from < calls.length; from += credit) {
    answers.push(...(await link.ask(calls.slice(from, from + credit))));
  }
  for (const { call, response, frame } of answers) {
    if (response.callId !== call.callId) {
      throw new RuleFailure(`call_id ${call.callId}`, String(response.callId), toFrameText(frame));
    }
  }
  return answers;
}

async function checkCounts(kit: Kit): Promise<void> {
  const link = await kit.ready(kit.worlds.create(1_000));
  const all = slotsOf(link.world!);
  for (const instance of kit.asked) {
    for (const size of sizes) {
      const from = Math.floor(kit.random() * (all.length - size));
      const call = kit.calls.create(instance, link.world!, all.slice(from, from + size));
      for (const answer of await link.ask([call])) expectRows(answer);
    }
    for (const answer of await link.ask([kit.calls.create(instance, link.world!)])) expectRows(answer);
  }
  const empty = await kit.ready(kit.worlds.create(0));
  const calls = kit.asked.map((instance) => kit.calls.create(instance, empty.world!));
  for (const answer of await empty.ask(calls)) expectRows(answer);
}

function expectRows(answer: TestAnswer): void {
  const rows = toRows(answer);
  const { call, response, frame } = answer;
  const isTold = rows.length > 0 || response.reason !== "";
  if (call.instance.role === "scorer" || isTold || answer.count === 0) return;
  throw new RuleFailure(
    `values of ${call.instance.produces.join(", ")}`,
    `${response.data.length} columns`,
    toFrameText(frame),
  );
}

/** Values that every column has in turn, fractions up to 1: they are what model servers may say. */
const extremes = [0, 1, 1e9, Math.fround(1e38)] as const;

async function checkValues(kit: Kit): Promise<void> {
  const link = await kit.ready();
  for (const value of [undefined, ...extremes]) {
    if (value !== undefined) {
      const world = kit.worlds.next(link.world!, (endpoints) => {
        for (const [slot, endpoint] of endpoints) {
          if (slot % 3 !== 1) endpoints.set(slot, withEach(endpoint, value, link.world!.nowMs));
        }
      });
      await link.delta(world);
    }
    const calls = kit.asked.map((instance) => kit.calls.create(instance, link.world!));
    for (const answer of await link.ask(calls)) expectValues(answer);
  }
}

/** An endpoint that says the same of everything. */
function withEach(endpoint: WorldEndpoint, value: number, atMs: number): WorldEndpoint {
  const toLegal = (key: string) => (key === "kv_cache_usage" ? Math.min(value, 1) : value);
  const values = new Map([...endpoint.values.keys()].map((key) => [key, { value: toLegal(key), atMs }]));
  return { ...endpoint, values };
}

function expectValues(answer: TestAnswer): void {
  const isScorer = answer.call.instance.role === "scorer";
  for (const row of toRows(answer)) {
    for (const [position, value] of row.entries()) {
      if (Number.isNaN(value) && isUnmarked(answer, position)) fail(answer, position, "NaN");
      if (value === Infinity || value === -Infinity) fail(answer, position, String(value));
      if (isScorer && (value < 0 || value > 1)) fail(answer, position, String(value));
    }
  }
}

/** Whether NaN came from the wire, and not from a bit that says so. */
function isUnmarked({ response, call }: TestAnswer, position: number): boolean {
  if (call.instance.role === "scorer")
    return Number.isNaN(response.scores[position]) && !bitAt(response.abstain, position);
  return response.data.some(({ values, unknown }) => Number.isNaN(values[position]) && !bitAt(unknown, position));
}

function bitAt(bitmap: Uint8Array, position: number): boolean {
  return ((bitmap[position >> 3] ?? 0) >> (position & 7)) % 2 === 1;
}

function fail({ call, frame }: TestAnswer, position: number, came: string): never {
  const wanted = call.instance.role === "scorer" ? "a score in [0, 1]" : "a finite value";
  throw new RuleFailure(`${wanted} at position ${position}`, came, toFrameText(frame));
}

async function checkBitmaps(kit: Kit): Promise<void> {
  const link = await kit.ready(kit.worlds.create(13));
  for (const instance of kit.asked) {
    const calls = [kit.calls.create(instance, link.world!), kit.calls.create(instance, link.world!, [3, 4, 12])];
    for (const answer of await link.ask(calls)) expectBitmaps(kit, answer);
  }
}

function expectBitmaps(kit: Kit, answer: TestAnswer): void {
  const { response, count, frame, call } = answer;
  const bitmaps = { abstain: response.abstain, veto: response.veto, unknown: response.data[0]?.unknown };
  for (const [name, bitmap = new Uint8Array(0)] of Object.entries(bitmaps)) {
    const beyond = Array.from({ length: 8 * bitmap.length }, (_, i) => i).find((i) => i >= count && bitAt(bitmap, i));
    if (beyond === undefined) continue;
    throw new RuleFailure(`bits of ${count} positions in ${name}`, `bit ${beyond}`, toFrameText(frame));
  }
  if (Buffer.byteLength(response.reason) > 200) {
    throw new RuleFailure("a reason of at most 200 bytes", `${Buffer.byteLength(response.reason)}`, toFrameText(frame));
  }
  const mayVeto = call.instance.granted.some(({ key }) => key === "veto");
  if (response.veto.some((byte) => byte !== 0) && !mayVeto)
    kit.remark("vetoes, which it was not granted: hosts ignore it");
}

async function checkSame(kit: Kit): Promise<void> {
  const link = await kit.ready();
  const other = kit.calls;
  for (const instance of kit.asked) {
    for (let i = 0; i < 4; i += 1) {
      const call = other.create(instance, link.world!);
      const [first, second] = await link.ask([call, other.again(call)]);
      expectSame(second!, first!, "the first answer to the same call");
      await link.ask(Array.from({ length: 5 }, () => other.create(instance, link.world!)));
      const [third] = await link.ask([other.again(call)]);
      expectSame(third!, first!, "the answer before other calls were asked");
    }
  }
  const calls = kit.asked.map((instance) => other.create(instance, link.world!));
  const wanted = await link.ask(calls);
  const fresh = await kit.ready(link.world);
  const answers = await fresh.ask(calls.map((call) => other.again(call)));
  expectAllSame(answers, wanted, "the answer over another connection");
}

async function checkClock(kit: Kit): Promise<void> {
  const link = await kit.ready();
  const calls = kit.asked.map((instance) => kit.calls.create(instance, link.world!));
  const wanted = await link.ask(calls);
  const jumped = [dayMs, -dayMs].flatMap((jumpMs) => {
    return calls.map((call) => ({ ...kit.calls.again(call), nowMs: call.nowMs + jumpMs }));
  });
  for (const answer of await link.ask(jumped)) toRows(answer);
  await new Promise((resolve) => setTimeout(resolve, laterMs));
  const answers = await link.ask(calls.map((call) => kit.calls.again(call)));
  expectAllSame(answers, wanted, `the answer ${laterMs} ms of real time before`);
}
