import { create, toBinary } from "@bufbuild/protobuf";
import {
  type HandshakeResponse,
  Role,
  ScoreBatchSchema,
  ScoreRequestSchema,
  type ScorerSpec,
  SessionRequestSchema,
} from "@outrider/protos/scorer";
import { isKnownKey } from "../kit/instance.ts";
import type { Kit } from "../kit/kit.ts";
import { toHandshakeRequest, toScoreRequest } from "../kit/requests.ts";
import { SessionLink } from "../kit/session-link.ts";
import { expectSame } from "../kit/test-answer.ts";
import { UnaryLink } from "../kit/unary-link.ts";
import { CannotVerify, type Rule, RuleFailure } from "../rule.ts";
import { everyLevel, greeted, reached, stateful, steady } from "./groups.ts";

/** What the plugin says of itself. */
export const handshakeRules: readonly Rule[] = [
  {
    id: "C9",
    title: "Says in its handshake who it is, what it serves and what it needs",
    levels: stateful,
    checks:
      "Reads the answer to hello: a name, a boot_id, types in kebab-case and once each, known needs, JSON schemas.",
    source: "HandshakeResponse and ScorerSpec",
    remedy: "Fill in plugin, boot_id and one ScorerSpec a type; a producer names what it produces.",
    after: reached,
    check: checkHello,
  },
  {
    id: "C10",
    title: "Keeps its boot_id for as long as it runs",
    levels: stateful,
    checks: "Says hello over three connections in turn.",
    source: "boot_id: the same value after a reconnect means that it still knows what it has learned",
    remedy: "Make boot_id once, when the process starts, not per connection.",
    after: greeted,
    check: checkBootId,
  },
  {
    id: "C11",
    title: "Ignores fields and frames that it does not know",
    levels: everyLevel,
    checks: "Adds unknown fields to hello and calls, and sends a frame of an unknown kind; the answers stay the same.",
    source: "Compatibility: unknown means ignore, on both sides",
    remedy: "Parse leniently: skip unknown fields and frames instead of failing.",
    after: steady,
    check: checkUnknown,
  },
];

async function checkHello(kit: Kit): Promise<void> {
  const link = await kit.open();
  const hello = await link.hello();
  const fault = faultOf(hello);
  if (fault !== undefined) throw new RuleFailure(fault.expected, fault.came);
  if (kit.hello === undefined) throw new CannotVerify("the plugin answered hello only at the second try; run it again");
}

interface Fault {
  readonly expected: string;
  readonly came: string;
}

function faultOf({ plugin, bootId, scorers }: HandshakeResponse): Fault | undefined {
  if (plugin === "") return { expected: "a name in `plugin`", came: "none" };
  if (bootId === "") return { expected: "a `boot_id`", came: "none" };
  if (scorers.length === 0) return { expected: "at least one type", came: "none" };
  const types = scorers.map(({ type }) => type);
  const repeated = types.find((type, i) => types.indexOf(type) !== i);
  if (repeated !== undefined) return { expected: "each type once", came: `${repeated} twice` };
  return scorers.map(specFault).find((fault) => fault !== undefined);
}

function specFault({ type, role, needs, produces, configJsonSchema, maxBatch }: ScorerSpec): Fault | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(type)) return { expected: "a type in kebab-case", came: `"${type}"` };
  const strange = needs.find(({ key }) => !isKnownKey(key));
  if (strange !== undefined) return { expected: `needs of ${type} that a host knows`, came: `"${strange.key}"` };
  if (role === Role.PRODUCER && produces.length === 0) return { expected: `what ${type} produces`, came: "nothing" };
  if (role !== Role.PRODUCER && produces.length > 0) {
    return { expected: `no \`produces\` of the scorer ${type}`, came: produces.join(", ") };
  }
  if (maxBatch > 256) return { expected: `max_batch of ${type} ≤ 256`, came: String(maxBatch) };
  if (configJsonSchema.length > 0 && !isJsonObject(configJsonSchema)) {
    return {
      expected: `a JSON object as config_json_schema of ${type}`,
      came: Buffer.from(configJsonSchema).toString(),
    };
  }
  return undefined;
}

function isJsonObject(bytes: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

async function checkBootId(kit: Kit): Promise<void> {
  let first: string | undefined;
  for (let i = 0; i < 3; i += 1) {
    const link = await kit.open();
    const { bootId } = await link.hello();
    link.close();
    first ??= bootId;
    if (bootId !== first) throw new RuleFailure(`boot_id "${first}" of the same process`, `"${bootId}"`);
  }
}

/** Fields of numbers that no version has. */
const unknownFields = [
  { no: 1000, wireType: 0, data: Uint8Array.of(1) },
  { no: 1001, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) },
];

async function checkUnknown(kit: Kit): Promise<void> {
  const link = await kit.ready();
  if (link instanceof SessionLink) await sendUnknownFrames(kit, link);
  for (const instance of kit.asked) {
    const call = kit.calls.create(instance, link.world!);
    const [wanted] = await link.ask([call]);
    const again = kit.calls.again(call);
    if (link instanceof SessionLink) {
      const request = create(ScoreRequestSchema, toScoreRequest(again, { epoch: link.epoch, rev: link.world!.rev }));
      request.$unknown = [...unknownFields];
      link.send({ case: "score", value: create(ScoreBatchSchema, { calls: [request] }) });
      await link.answered([again]);
      expectSame(link.answerTo(again), wanted!, "as without the unknown fields");
    } else if (link instanceof UnaryLink) {
      const [answer] = await link.ask([again], {}, { outriderVerify: { unknown: [1, "x"] } });
      expectSame(answer!, wanted!, "as without the unknown fields");
    }
  }
}

async function sendUnknownFrames(kit: Kit, link: SessionLink): Promise<void> {
  const frame = create(SessionRequestSchema);
  frame.$unknown = [...unknownFields];
  link.sendMessage(toBinary(SessionRequestSchema, frame));
  link.sendMessage(new Uint8Array(0));
  await link.settle();
  const other = await kit.openSession();
  const hello = create(SessionRequestSchema, {
    frame: { case: "hello", value: toHandshakeRequest("", kit.columns) },
  });
  if (hello.frame.case === "hello") hello.frame.value.$unknown = [...unknownFields];
  other.sendMessage(toBinary(SessionRequestSchema, hello));
  await other.take("hello", "an answer to a hello with unknown fields");
}
