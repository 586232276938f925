import type { JsonValue } from "@bufbuild/protobuf";
import { toFrameText } from "../kit/frame-text.ts";
import { maxConnections } from "../kit/http-client.ts";
import type { Kit } from "../kit/kit.ts";
import { toRows } from "../kit/test-answer.ts";
import { servicePath, type UnaryAnswer, type UnaryLink } from "../kit/unary-link.ts";
import { type Level, type Rule, RuleFailure } from "../rule.ts";
import { reached, sound } from "./groups.ts";

const unary: readonly Level[] = ["basic", "replicated"];

/** What makes a small server a plugin. */
export const unaryRules: readonly Rule[] = [
  {
    id: "C48",
    title: "Answers POST …/Score with JSON",
    levels: unary,
    checks: `Posts a call to ${servicePath}/Score: status 200, content type application/json, an object.`,
    source: "Unary: Connect over HTTP/1.1, at a fixed path",
    remedy: "Answer 200 with `content-type: application/json`; errors have another status and `code`.",
    after: reached,
    check: checkJson,
  },
  {
    id: "C49",
    title: "Answers 404 or 501 to what it does not serve",
    levels: ["basic"],
    checks: "Posts Handshake, Configure, PushState and a method that does not exist.",
    source: "Profiles: 404, 501 and unimplemented on Handshake mean the basic profile",
    remedy: 'Answer every path but Score with 404 or 501, such as {"code": "unimplemented"}.',
    after: reached,
    check: checkOthers,
  },
  {
    id: "C50",
    title: "Writes numbers as numbers",
    levels: unary,
    checks: "Looks at the types in the JSON of an answer: callId a number, scores an array of numbers.",
    source: "Numbers: all integers are 32-bit, so that they are numbers in JSON; no NaN",
    remedy: "Write scores as JSON numbers, not as strings or null; leave out what you have no opinion on by `abstain`.",
    after: [...reached, "C48"],
    check: checkTypes,
  },
  {
    id: "C51",
    title: "Says how long its answers are, and keeps the connection",
    levels: unary,
    checks: "Posts 20 calls in turn over one connection: a Content-Length each, no compression, no new connection.",
    source: "Unary: over HTTP/1.1 with a Content-Length and without compression",
    remedy: "Speak HTTP/1.1 with keep-alive, send Content-Length, read the whole body of a request.",
    after: [...reached, "C48"],
    check: checkKept,
  },
  {
    id: "C52",
    title: `Takes ${maxConnections} calls at once`,
    levels: unary,
    checks: `Opens ${maxConnections} connections at once, three times over, with a call on each.`,
    source: "Unary: a host opens up to 16 connections, one by one",
    remedy: "Accept connections while calls run (threads, or an event loop), with a listen backlog of 128.",
    after: sound,
    check: checkConcurrency,
  },
  {
    id: "C53",
    title: "Reads text that is not ASCII, and fields that are missing",
    levels: ["basic"],
    checks:
      "Posts names in several scripts, escaped and not, an endpoint with every optional field and one call without any.",
    source: "proto3 JSON: UTF-8, defaults are left out",
    remedy: "Decode bodies as UTF-8 after reading Content-Length bytes; read fields by a default.",
    after: sound,
    check: checkText,
  },
];

async function postScore(kit: Kit, link: UnaryLink, size = 4): Promise<UnaryAnswer> {
  const { json } = await toBody(kit, link, size);
  return link.post(`${servicePath}/Score`, JSON.stringify(json));
}

async function toBody(kit: Kit, link: UnaryLink, size: number): Promise<{ readonly json: JsonValue }> {
  if (link.world === undefined) await kit.prepare(link, kit.worlds.create(size));
  const call = kit.calls.create(kit.asked[0]!, link.world!);
  return kit.level === "basic" ? link.toBasicRequest(call) : { json: link.toSlotRequest(call) };
}

async function checkJson(kit: Kit): Promise<void> {
  const { reply, frame } = await postScore(kit, await kit.openUnary());
  if (reply.status !== 200) throw new RuleFailure("HTTP 200", `HTTP ${reply.status}`, toFrameText(frame));
  const type = reply.headers["content-type"] ?? "none";
  if (!type.startsWith("application/json"))
    throw new RuleFailure("content type application/json", type, toFrameText(frame));
  if (toObject(reply.text) === undefined) throw new RuleFailure("a JSON object", "something else", toFrameText(frame));
}

function toObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function checkOthers(kit: Kit): Promise<void> {
  const link = await kit.openUnary();
  for (const method of ["Handshake", "Configure", "PushState", "NoSuchMethod"]) {
    const { reply, frame } = await link.post(`${servicePath}/${method}`, "{}");
    const isRefused = [404, 405, 501].includes(reply.status) || /"unimplemented"/.test(reply.text);
    if (!isRefused) throw new RuleFailure(`404 or 501 to ${method}`, `HTTP ${reply.status}`, toFrameText(frame));
  }
}

async function checkTypes(kit: Kit): Promise<void> {
  const { reply, frame } = await postScore(kit, await kit.openUnary());
  const { callId = 0, scores, pluginUs = 0 } = toObject(reply.text) ?? {};
  const fail = (expected: string, came: unknown): never => {
    throw new RuleFailure(expected, JSON.stringify(came) ?? "nothing", toFrameText(frame));
  };
  if (typeof callId !== "number") fail("callId as a number", callId);
  if (typeof pluginUs !== "number") fail("pluginUs as a number", pluginUs);
  if (kit.asked[0]!.role === "producer") return;
  if (!Array.isArray(scores)) return fail("scores as an array", scores);
  const wrong = scores.findIndex((score) => typeof score !== "number");
  if (wrong >= 0) fail(`a number in scores[${wrong}]`, scores[wrong]);
}

async function checkKept(kit: Kit): Promise<void> {
  const link = await kit.openUnary();
  for (let i = 0; i < 20; i += 1) {
    const { reply, frame } = await postScore(kit, link);
    const { headers } = reply;
    if (headers["content-encoding"] !== undefined) {
      throw new RuleFailure("no compression", `content-encoding ${headers["content-encoding"]}`, toFrameText(frame));
    }
    if (headers["content-length"] === undefined) {
      const came = headers["transfer-encoding"] ?? "neither that nor chunks";
      throw new RuleFailure("a Content-Length", came, toFrameText(frame));
    }
    if (i === 0 || reply.isReused) continue;
    throw new RuleFailure("the connection kept", `closed behind call ${i}`, toFrameText(frame));
  }
}

async function checkConcurrency(kit: Kit): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    const link = await kit.openUnary();
    await kit.prepare(link, kit.worlds.create(10));
    const calls = Array.from({ length: maxConnections }, () => kit.calls.create(kit.asked[0]!, link.world!));
    for (const answer of await link.askAtOnce(calls)) toRows(answer);
    link.close();
  }
}

async function checkText(kit: Kit): Promise<void> {
  const link = await kit.openUnary();
  link.world = kit.worlds.next(kit.worlds.create(3), (all) => {
    for (const [slot, endpoint] of all) all.set(slot, { ...endpoint, id: `pöd-${slot}-模型-🚀` });
  });
  const call = kit.calls.create(kit.asked[0]!, link.world);
  const { json } = link.toBasicRequest({ ...call, facts: { ...call.facts, model: "modèle-模型-🚀" } });
  const raw = JSON.stringify(json);
  const escaped = raw.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  for (const body of [raw, escaped]) expectScores(await link.post(`${servicePath}/Score`, body), 3);
  expectScores(await link.post(`${servicePath}/Score`, "{}"), 0);
}

function expectScores({ reply, frame }: UnaryAnswer, count: number): void {
  const scores = toObject(reply.text)?.scores ?? [];
  if (reply.status === 200 && Array.isArray(scores) && scores.length === count) return;
  const came = reply.status === 200 ? `${Array.isArray(scores) ? scores.length : "no"} scores` : `HTTP ${reply.status}`;
  throw new RuleFailure(`HTTP 200 and ${count} scores`, came, toFrameText(frame));
}
