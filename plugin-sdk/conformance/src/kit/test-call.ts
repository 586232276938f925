import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CandidateDataSchema, RequestFactsSchema } from "@outrider/protos/scorer";
import { toBitmap } from "@outrider/transport";
import { grantedKeys, type NumberedColumn, type TestedInstance } from "./instance.ts";
import { slotsOf, type World } from "./world.ts";

/** A call as the kit thinks of it; a connection makes its message. */
export interface TestCall {
  readonly callId: number;
  readonly instance: TestedInstance;
  /** Candidates, ascending slots; `undefined` = all that live. */
  readonly slots: readonly number[] | undefined;
  readonly seed: number;
  readonly nowMs: number;
  readonly budgetUs: number;
  readonly profile: string;
  readonly facts: MessageInitShape<typeof RequestFactsSchema>;
  readonly data: readonly MessageInitShape<typeof CandidateDataSchema>[];
}

/** Makes calls, all from one seed. */
export interface CallMaker {
  /** A call over these slots, or over all that live. */
  create(instance: TestedInstance, world: World, slots?: readonly number[]): TestCall;
  /** The same question once more, by another id. */
  again(call: TestCall): TestCall;
  /** Some of the slots of a table, at least one. */
  someSlots(world: World): readonly number[];
}

/** Budget of calls that are not to run out of it, in µs. */
const amplyUs = 10_000_000;

/** @param random from the seed of the run. */
export function createCallMaker(columns: readonly NumberedColumn[], random: () => number): CallMaker {
  let lastId = Math.floor(random() * 1_000);
  return {
    create(instance, world, slots) {
      lastId += 1;
      return {
        callId: lastId,
        instance,
        slots,
        seed: Math.floor(random() * 2 ** 32),
        nowMs: world.nowMs + Math.floor(random() * 20),
        budgetUs: amplyUs,
        profile: instance.role === "producer" ? "" : "default",
        facts: makeFacts(instance, world, random),
        data: makeData(instance, columns, (slots ?? slotsOf(world)).length, random),
      };
    },
    again(call) {
      lastId += 1;
      return { ...call, callId: lastId };
    },
    someSlots(world) {
      const all = slotsOf(world);
      const some = all.filter(() => random() < 0.6);
      return some.length > 0 ? some : all.slice(0, 1);
    },
  };
}

type Facts = MessageInitShape<typeof RequestFactsSchema>;

/** What each fact that was granted is filled with. */
const factMakers: Readonly<Record<string, (random: () => number, need: { blockSize: number }) => Facts>> = {
  "request.lora": () => ({ lora: "adapter-1" }),
  "request.priority": (random) => ({ priority: Math.floor(random() * 5) - 2 }),
  "request.fairness_id": (random) => ({ fairnessId: `tenant-${Math.floor(random() * 4)}` }),
  "request.session_key": (random) => ({ sessionKey: `session-${Math.floor(random() * 8)}` }),
  "request.prompt_text": () => ({ promptText: "Grüße, 世界! Tell me about model servers." }),
  "request.token_ids": (random) => ({ tokenIdsU32le: randomBytes(4 * 48, random) }),
  "request.block_hashes": (random, { blockSize }) => ({ blockHashesU64le: randomBytes(8 * 6, random), blockSize }),
  "request.headers": () => ({ headers: { "x-verify": "ü" } }),
  "request.max_output_tokens": () => ({ maxOutputTokens: 256 }),
  "request.stream": () => ({ stream: true }),
  "request.id": (random) => ({ requestId: `request-${Math.floor(random() * 1e6)}` }),
  "request.slo": () => ({ sloTtftMs: 500, sloTpotMs: 40 }),
  "request.objective": () => ({ objective: "interactive" }),
};

function makeFacts({ granted }: TestedInstance, world: World, random: () => number): Facts {
  const facts: Facts = { model: "llama", promptTokens: 1 + Math.floor(random() * 4_000) };
  for (const need of granted) Object.assign(facts, factMakers[need.key]?.(random, need));
  if (granted.some(({ key }) => key === "request.pinned_slot")) facts.pinnedSlotPlus1 = 1 + (slotsOf(world)[0] ?? 0);
  return facts;
}

function makeData(instance: TestedInstance, columns: readonly NumberedColumn[], count: number, random: () => number) {
  const keys = grantedKeys(instance, (key) => key.startsWith("data."));
  return columns
    .filter(({ key }) => keys.includes(key))
    .map(({ id }) => {
      const values = Array.from({ length: count }, () => Math.floor(random() * 40));
      const unknown = toBitmap([...values.keys()].filter(() => random() < 0.1));
      return { column: id, values, unknown };
    });
}

function randomBytes(length: number, random: () => number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}
