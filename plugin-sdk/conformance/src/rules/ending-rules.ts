import { toFrameText } from "../kit/frame-text.ts";
import type { Kit } from "../kit/kit.ts";
import type { SessionLink } from "../kit/session-link.ts";
import { expectAllSame, toRows } from "../kit/test-answer.ts";
import { NotApplicable, type Rule, RuleFailure } from "../rule.ts";
import { answering, sessions, sound, steady } from "./groups.ts";

/** Time that the plugin is given to drain, in ms. */
const drainMs = 3_000;

/** Largest state that may be handed on. */
const maxHandoffBytes = 960 * 1024;

/** Calls in a batch whose answers are read slowly. */
const slowBatch = 8;

/** One byte more than a frame may have. */
const oversizeBytes = 1024 * 1024 + 1;

/** How connections end, well and badly. */
export const endingRules: readonly Rule[] = [
  {
    id: "C42",
    title: "Drains: answers what it has, then says Drained in time",
    levels: sessions,
    checks: `Puts calls and Drain{${drainMs} ms} behind them: all answers come, then Drained, with at most 960 KiB.`,
    source: "Drain: the plugin answers those calls it has and then says Drained",
    remedy: "On Drain finish the calls and send Drained with what your successor should know, 960 KiB at most.",
    after: answering,
    check: checkDrain,
  },
  {
    id: "C43",
    title: "Takes what the generation before it has learned",
    levels: sessions,
    checks: "Drains one connection and gives its hand-off to another in a further hello; garbage must not hurt either.",
    source: "Feature `handoff`: a further hello, answered as the first; nothing else of it counts",
    remedy: "Answer the further hello as the first, restore from `handoff`, and ignore what you cannot read.",
    after: [...sound, "C10", "C42"],
    check: checkHandoff,
  },
  {
    id: "C44",
    title: "Lives through a reconnect in the middle of calls",
    levels: sessions,
    checks: "Cuts the connection with calls unanswered and comes back as the same host with a new epoch, five times.",
    source: "Reconnect: a new epoch and a full table; what was in flight is forgotten",
    remedy: "Keep nothing of a connection that is gone but what was learned; start with the epoch of the new one.",
    after: steady,
    check: checkReconnect,
  },
  {
    id: "C45",
    title: "Lives through a half-closed connection",
    levels: sessions,
    checks: "Ends the sending side with calls unanswered, and expects an end of the stream and a process that goes on.",
    source: "Session: a host may go away in any way",
    remedy: "End the stream when the host's side has ended.",
    after: sound,
    check: checkHalfClose,
  },
  {
    id: "C46",
    title: "Refuses a frame above 1 MiB, and garbage, without dying",
    levels: sessions,
    checks: "Sends a frame of 1 MiB and one byte, bytes that are no message, and a message of another kind.",
    source: "Limits: 1 MiB a frame",
    remedy: "Limit received messages to 1 MiB; end the stream on what you cannot read, and serve the next one.",
    after: sound,
    check: checkOversize,
  },
  {
    id: "C47",
    title: "Lives with a host that reads slowly",
    levels: sessions,
    checks: "Puts calls for 2,000 candidates each and reads nothing for a while: all answers come in the end.",
    source: "Back-pressure: frames wait for who reads them",
    remedy: "Wait for the stream to take more before you write more; do not drop answers.",
    after: [...sound, "C26"],
    check: checkSlowReader,
  },
];

async function checkDrain(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  const calls = kit.asked.flatMap((instance) => {
    return Array.from({ length: Math.min(20, link.credit ?? 20) }, () => kit.calls.create(instance, link.world!));
  });
  const handoff = await drain(link, () => link.putCalls(calls));
  const unanswered = calls.filter(({ callId }) => !link.answers.has(callId));
  if (unanswered.length > 0) {
    throw new RuleFailure("answers to all calls before Drained", `none to ${unanswered.length} of ${calls.length}`);
  }
  if (handoff.length > maxHandoffBytes)
    throw new RuleFailure("a hand-off of at most 960 KiB", `${handoff.length} bytes`);
}

/** Drains a connection, and gives back what is handed on. */
async function drain(link: SessionLink, before: () => void): Promise<Uint8Array<ArrayBuffer>> {
  before();
  link.send({ case: "drain", value: { deadlineMs: drainMs } });
  const drained = await link.take("drained", `Drained within ${drainMs} ms`, drainMs);
  return Uint8Array.from(drained.value.handoff);
}

async function checkHandoff(kit: Kit): Promise<void> {
  if (kit.hello?.features.includes("handoff") !== true) throw new NotApplicable("the plugin lacks the feature handoff");
  const first = await kit.readySession();
  await first.ask(kit.asked.map((instance) => kit.calls.create(instance, first.world!)));
  const handoff = await drain(first, () => {});
  for (const given of [handoff, Uint8Array.of(255, 0, 1), new Uint8Array(0)]) {
    const link = await kit.readySession();
    const { bootId, plugin } = await link.hello(given);
    if (bootId !== link.greeting?.bootId || plugin !== link.greeting.plugin) {
      throw new RuleFailure("the further hello answered as the first", `plugin "${plugin}", boot_id "${bootId}"`);
    }
    for (const answer of await link.ask(kit.asked.map((instance) => kit.calls.create(instance, link.world!)))) {
      toRows(answer);
    }
  }
}

async function checkReconnect(kit: Kit): Promise<void> {
  const hostInstance = `verify-${kit.options.seed}`;
  const world = kit.worlds.create(12);
  const calls = kit.asked.map((instance) => kit.calls.create(instance, world));
  let link = await kit.readySession(world, { hostInstance });
  const wanted = await link.ask(calls);
  for (let i = 0; i < 5; i += 1) {
    link.putCalls(kit.asked.map((instance) => kit.calls.create(instance, world)));
    await onTheirWay();
    link.close();
    link = await kit.readySession(world, { hostInstance });
    const answers = await link.ask(calls.map((call) => kit.calls.again(call)));
    expectAllSame(answers, wanted, "the answer before the connection was cut");
    const stray = [...link.answers.keys()].find((callId) => !answers.some(({ call }) => call.callId === callId));
    if (stray === undefined) continue;
    const frame = toFrameText(link.answers.get(stray)![0]!.frame);
    throw new RuleFailure("answers to calls of this connection alone", `one to call ${stray} of another`, frame);
  }
}

/** A moment for bytes to leave, and too little for most answers to come. */
function onTheirWay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}

async function checkHalfClose(kit: Kit): Promise<void> {
  const link = await kit.readySession();
  link.putCalls(kit.asked.map((instance) => kit.calls.create(instance, link.world!)));
  link.halfClose();
  await link.ended("the end of a stream whose other side has ended");
  await serveAgain(kit, "a half-closed connection");
}

/** @throws {RuleFailure} where the plugin serves no further connection. */
async function serveAgain(kit: Kit, behind: string): Promise<void> {
  if (kit.plugin.ended !== undefined) {
    throw new RuleFailure(`a process that goes on behind ${behind}`, `one that ${kit.plugin.ended}`);
  }
  const link = await kit.readySession();
  for (const answer of await link.ask(kit.asked.map((instance) => kit.calls.create(instance, link.world!))))
    toRows(answer);
}

async function checkOversize(kit: Kit): Promise<void> {
  const oversize = await kit.openSession();
  await oversize.hello();
  oversize.sendMessage(new Uint8Array(oversizeBytes));
  const isRefused = await oversize.ended("the end of the stream").then(
    () => true,
    () => false,
  );
  if (!isRefused) throw new RuleFailure(`the end of the stream behind a frame of ${oversizeBytes} bytes`, "none");
  for (const garbage of [
    Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x0f),
    Uint8Array.of(0xff, 0xff, 0xff),
    Uint8Array.of(0x22, 2, 9, 9),
  ]) {
    const link = await kit.openSession();
    await link.hello();
    link.sendMessage(garbage);
    link.send({ case: "ping", value: { seq: 1 } });
    // Whether it ends the stream or ignores what it cannot read is its own choice.
    await Promise.race([link.take("pong", "a pong").catch(() => {}), link.ended("an end").catch(() => {})]);
    link.close();
  }
  await serveAgain(kit, "garbage");
}

async function checkSlowReader(kit: Kit): Promise<void> {
  const link = await kit.readySession(kit.worlds.create(2_000));
  for (const instance of kit.asked) {
    const size = Math.min(64, link.credit ?? 64);
    const calls = Array.from({ length: size }, () => kit.calls.create(instance, link.world!));
    link.pause();
    for (let from = 0; from < calls.length; from += slowBatch) link.putCalls(calls.slice(from, from + slowBatch));
    await new Promise((resolve) => setTimeout(resolve, 100));
    link.resume();
    await link.answered(calls);
    for (const call of calls) toRows(link.answerTo(call));
  }
}
