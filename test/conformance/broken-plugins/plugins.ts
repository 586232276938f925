import { spawn } from "node:child_process";
import type { FeedbackEvent } from "@outrider/protos/scorer";
import { honest, type PluginParts } from "./honest-plugin.ts";
import { applyStep, type KeptTable } from "./honest-table.ts";

/** A plugin to be verified, and what is to come of it. */
export interface TestPlugin {
  readonly parts: PluginParts;
  /** Rules that it breaks; none where it is good. */
  readonly breaks: readonly string[];
  /** Rules that give a warning. */
  readonly warns?: readonly string[];
}

/** An honest plugin but for some of its parts. */
function broken(breaks: readonly string[], parts: Partial<PluginParts>): TestPlugin {
  return { breaks, parts: { ...honest, ...parts } };
}

function unary(
  breaks: readonly string[],
  http: Partial<PluginParts["http"]>,
  parts: Partial<PluginParts> = {},
): TestPlugin {
  return broken(breaks, { served: "basic", ...parts, http: { ...honest.http, ...http } });
}

const numberOf = (waiting: number) => 1 - Math.min(waiting / 64, 1);

/** A child that lives on when its parent's group is killed, for long enough to be noticed. */
function startElsewhere(): void {
  if (process.env.OUTRIDER_TEST_DETACHED === "1") {
    setTimeout(() => process.exit(0), 15_000);
    return;
  }
  const env = { ...process.env, OUTRIDER_TEST_DETACHED: "1" };
  spawn(process.execPath, process.argv.slice(1), { env, detached: true, stdio: "ignore" }).unref();
}

/** Plugins by name; `main.ts NAME` serves one. */
export const plugins: Readonly<Record<string, TestPlugin>> = {
  "good-session": broken([], {}),
  "good-all-types": broken([], { types: ["waiting", "guess", "pushed"] }),
  "good-pushed": broken([], { types: ["pushed"] }),
  "good-late-answers": broken([], { answerAfterMs: 1 }),
  "good-replicated": broken([], { served: "replicated" }),
  "good-basic": unary([], {}),
  "ignores-input-end": { ...broken([], { process: { ...honest.process, endsWithInput: false } }), warns: ["C6"] },

  "speaks-on-stdout": broken(["C1"], {
    process: {
      ...honest.process,
      listens: false,
      start: () => void process.stdout.write("1|1|tcp|127.0.0.1:50051|grpc\n"),
    },
  }),
  "writes-frames-to-stdout": broken(["C2"], {
    answer: (response) => {
      process.stdout.write(Buffer.of(0, 0, 0, 0, 2, 8, 1));
      return [response];
    },
  }),
  "same-boot-id-for-ever": broken(["C3"], { bootId: () => "the-one" }),
  "ignores-sigterm": broken(["C4"], { process: { ...honest.process, onTerminate: () => {} } }),
  "leaves-its-process-group": broken(["C5"], {
    process: {
      ...honest.process,
      listens: process.env.OUTRIDER_TEST_DETACHED === "1",
      start: startElsewhere,
    },
  }),
  "takes-any-token": broken(["C7"], { checksToken: false }),
  "serves-any-version": broken(["C8"], { servesPath: () => true }),
  "says-no-name": broken(["C9"], { hello: (response) => ({ ...response, plugin: "" }) }),
  "needs-what-nobody-has": broken(["C9"], {
    hello: (response) => ({
      ...response,
      scorers: response.scorers.map((spec) => ({
        ...spec,
        needs: spec.needs.map((need) => ({ ...need, key: "the_weather" })),
      })),
    }),
  }),
  "boot-id-per-connection": broken(["C10"], { bootId: () => crypto.randomUUID() }),
  "fails-on-unknown-fields": broken(["C11"], {
    answer: (response, call) => {
      if ((call.$unknown ?? []).length === 0) return [response];
      return [{ ...response, scores: [], error: toError("invalid_argument") }];
    },
  }),
  "refuses-its-configuration": broken(["C12"], {
    faults: ({ instances }) => instances.map(({ id }) => toFault(id)),
  }),
  "reports-the-first-fault": broken(["C13"], { faults: (request, types) => honest.faults(request, types).slice(0, 1) }),
  "fails-without-grants": broken(["C14"], {
    answer: (response) => {
      const isBlind =
        response.scores.length > 0 && response.abstain.length > 0 && response.scores.every((s) => s === 0);
      return [isBlind ? { ...response, error: toError("internal") } : response];
    },
  }),
  "never-ready": broken(["C15"], { health: { ready: false, message: "warming up" } }),
  "never-acknowledges": broken(["C16"], { acks: () => 0 }),
  "acknowledges-each-chunk": broken(["C16"], { acks: () => 1 }),
  "drops-calls": broken(["C17"], { answer: (response, { callId }) => (callId % 20 === 7 ? [] : [response]) }),
  "answers-twice": broken(["C17"], { answer: (response) => [response, response] }),
  "leaves-one-out": broken(["C18"], {
    answer: (response) => [{ ...response, scores: response.scores.slice(1) }],
  }),
  "scores-nan": broken(["C19"], {
    answer: (response) => [{ ...response, scores: response.scores.map((score) => score || Number.NaN) }],
  }),
  "scores-above-one": broken(["C19"], { rate: (waiting) => 1 + waiting / 100 }),
  "abstains-beyond-the-end": broken(["C20"], {
    answer: (response) => [{ ...response, abstain: Buffer.concat([response.abstain, Buffer.alloc(4, 128)]) }],
  }),
  "rolls-its-own-dice": broken(["C21"], { rate: () => Math.random() }),
  "reads-its-own-clock": broken(["C22"], { rate: forgetByItsOwnClock() }),
  "fails-batch-mates": broken(["C23"], {
    batch: (responses) => {
      const error = responses.find((response) => response.error?.code === "invalid_argument")?.error;
      return error === undefined ? responses : responses.map((response) => ({ ...response, error }));
    },
  }),
  "drops-late-calls": broken(["C24"], { answer: (response, { budgetUs }) => (budgetUs < 10 ? [] : [response]) }),
  "forgets-cancelled-calls": broken(["C25"], { answersCancelled: false, answerAfterMs: 1 }),
  "refuses-within-its-credit": broken(["C26"], {
    batch: (responses) =>
      responses.map((response, i) => (i < 40 ? response : { ...response, error: toError("resource_exhausted") })),
  }),
  "gives-no-credit": broken(["C26"], { credit: 0 }),
  "never-pongs": broken(["C27"], { pongs: false }),
  "accepts-any-step": broken(["C28"], { accepts: () => true }),
  "ignores-removals": broken(["C29"], {
    apply: ({ table, waitingColumn }, step) => {
      return applyStep(
        table,
        step[0]!.full ? step : step.map((chunk) => ({ ...chunk, removedSlots: [] })),
        waitingColumn,
      );
    },
  }),
  "keeps-values-of-the-slot": broken(["C30"], { apply: keepValuesOfSlots() }),
  "takes-unknown-for-0": broken(["C31"], { rate: (waiting) => numberOf(Number.isNaN(waiting) ? 0 : waiting) }),
  "keeps-stale-values": broken(["C32"], {
    apply: (talk, step) => {
      const isValuesAlone =
        !step[0]!.full && step.every(({ upserts, removedSlots }) => upserts.length + removedSlots.length === 0);
      const kept = isValuesAlone ? step.map((chunk) => ({ ...chunk, columns: [] })) : step;
      return applyStep(talk.table, kept, talk.waitingColumn);
    },
  }),
  "merges-full-tables": broken(["C33"], {
    apply: ({ table, waitingColumn }, step) => {
      const isSame = step[0]!.full && step[0]!.epoch === table.epoch;
      return applyStep(table, isSame ? step.map((chunk) => ({ ...chunk, full: false })) : step, waitingColumn);
    },
  }),
  "applies-half-a-step": broken(["C34"], { isHasty: true }),
  "answers-on-any-state": broken(["C35"], { knows: () => true }),
  "answers-in-no-epoch": broken(["C35"], { answer: (response) => [{ ...response, epoch: 0 }] }),
  "loses-every-tenth-step": broken(["C36"], {
    apply: (talk, step) => {
      const after = applyStep(talk.table, step, talk.waitingColumn);
      return talk.steps % 10 === 0 ? { ...after, endpoints: talk.table.endpoints } : after;
    },
  }),
  "adds-up-counts": broken(["C37"], {
    inflight: (counts, slot, count) => void counts.set(slot, (counts.get(slot) ?? 0) + count),
  }),
  "dies-of-feedback": broken(["C38"], {
    feedback: dieOfStrangers,
  }),
  "numbers-its-data-itself": broken(["C39"], {
    types: ["guess"],
    answer: (response) => [{ ...response, data: response.data.map((data) => ({ ...data, column: 1 })) }],
  }),
  "pushes-tables-of-no-epoch": broken(["C40"], {
    types: ["waiting", "pushed"],
    table: (epoch) => ({ epoch: epoch + 1 }),
  }),
  "pushes-no-tables": broken(["C41"], { types: ["pushed"], table: () => undefined }),
  "ignores-drain": broken(["C42"], { drained: () => undefined }),
  "hands-on-too-much": broken(["C42"], { drained: () => new Uint8Array(970 * 1024) }),
  "ignores-a-further-hello": broken(["C43"], {
    hello: (response, { hostInstance }) => (hostInstance === "" ? response : undefined),
  }),
  "answers-on-the-next-connection": broken(["C44"], { keepsAnswers: true, answerAfterMs: 5 }),
  "ignores-a-half-close": broken(["C45"], { onHalfClose: () => {} }),
  "dies-of-garbage": broken(["C46"], { onGarbage: () => process.exit(4) }),
  "ignores-garbage": broken(["C46"], { onGarbage: () => {} }),
  "drops-answers-when-slow": broken(["C47"], { dropsWhenSlow: true }),

  "replicated-answers-on-any-state": broken(["C35"], { served: "replicated", knows: () => true }),
  "replicated-dies-of-feedback": broken(["C38"], { served: "replicated", feedback: dieOfStrangers }),
  "replicated-accepts-any-step": broken(["C28"], { served: "replicated", accepts: () => true }),
  "basic-fails-on-unknown-fields": unary(["C11"], { isStrict: true }),
  "basic-scores-above-one": unary(["C19"], {}, { rate: (waiting) => 1 + waiting / 100 }),
  "basic-leaves-one-out": unary(
    ["C18"],
    {},
    {
      answer: (response) => [{ ...response, scores: response.scores.slice(1) }],
    },
  ),
  "basic-as-text": unary(["C48"], { contentType: "text/html" }),
  "basic-answers-anything": unary(["C49"], { statusOfOthers: 200 }),
  "basic-numbers-as-text": unary(["C50"], {
    body: (json) => ({ ...json, scores: (json.scores as readonly number[] | undefined)?.map(String) }),
  }),
  "basic-chunked": unary(["C51"], { isChunked: true }),
  "basic-closes-connections": unary(["C51"], { keepsAlive: false }),
  "basic-one-connection": unary(["C52"], { isSingle: true }),
  "basic-reads-latin": unary(["C53"], { read: refuseNonAscii }),
};

function toError(code: string) {
  const message = "as it was made to";
  return {
    $typeName: "outrider.scorer.v1.CallError",
    code,
    message,
    haveEpoch: 0,
    haveRev: 0,
    retryAfterMs: 0,
  } as const;
}

function toFault(instance: number) {
  return { $typeName: "outrider.scorer.v1.ConfigError", instance, path: "saturation", message: "is missing" } as const;
}

/** Ends where it is told of a call that it was never put. */
function dieOfStrangers({ callId }: FeedbackEvent, asked: ReadonlySet<number>): void {
  if (!asked.has(callId)) process.exit(3);
}

/** Rates by how long it was not asked, in real time. */
function forgetByItsOwnClock(): PluginParts["rate"] {
  let lastMs = 0;
  return (waiting) => {
    const idleMs = performance.now() - lastMs;
    lastMs = performance.now();
    return idleMs > 250 ? 0 : numberOf(waiting);
  };
}

/** Keeps what the slot had when another endpoint comes. */
function keepValuesOfSlots(): PluginParts["apply"] {
  const lastOf = new Map<number, number>();
  return ({ table, waitingColumn }, step) => {
    const after = applyStep(table, step, waitingColumn);
    if (step[0]!.full) return after;
    for (const [slot, { waiting }] of table.endpoints) lastOf.set(slot, waiting);
    const endpoints: KeptTable["endpoints"] = new Map(
      [...after.endpoints].map(([slot, endpoint]) => {
        const isNew = table.endpoints.get(slot)?.id !== endpoint.id && Number.isNaN(endpoint.waiting);
        return [slot, isNew ? { ...endpoint, waiting: lastOf.get(slot) ?? Number.NaN } : endpoint];
      }),
    );
    return { ...after, endpoints };
  };
}

function refuseNonAscii(body: Buffer): string {
  if (body.some((byte) => byte > 127)) throw new Error("'ascii' codec can't decode byte");
  return body.toString("latin1");
}
