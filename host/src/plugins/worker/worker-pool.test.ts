import { fileURLToPath } from "node:url";
import type { Scorer } from "@outrider/core";
import { type FeedbackEvent, OutriderError } from "@outrider/core/contract";
import { fakeCall, fakeSnapshot } from "@outrider/transport/testing";
import { afterEach, describe, expect, it } from "vitest";
import {
  addEndpoint,
  createTestHost,
  plugin,
  quick,
  type TestHost,
  type TestHostOptions,
} from "../fixtures/harness.ts";
import { createManualClock } from "../fixtures/manual-clock.ts";
import type { PluginSpec } from "../types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

const module = fileURLToPath(new URL("fixtures/modules.ts", import.meta.url));

function onThread(name: string, type: string, fields: Partial<PluginSpec> = {}): PluginSpec {
  return plugin(name, { type, placement: "worker", process: undefined, module, budgetMs: 60_000, ...fields });
}

async function run(specs: readonly PluginSpec[], options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  const workers = { threads: 1, memoryMb: 64 };
  const made = await createTestHost({ specs, processes: [], workers, timing: quick, ...options });
  host = made;
  await made.runtime.start(30_000);
  return made;
}

const pool = fakeSnapshot([{}, {}, {}]);

/** Puts a call and tells how it ended. */
async function ask(scorer: Scorer, options: Partial<Parameters<typeof fakeCall>[0]> = {}): Promise<string> {
  const call = fakeCall({ pool, budgetUs: 60_000_000, ...options });
  try {
    await scorer.score(call, new Float32Array(call.candidates.length));
    return "scored";
  } catch (error) {
    return error instanceof OutriderError ? error.code : String(error);
  }
}

const done = (callId: number): FeedbackEvent => ({
  kind: "done",
  callId,
  slot: 0,
  atMs: 0,
  cause: "ok",
  status: 200,
  promptTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  ttftUs: 0,
  e2eMs: 1,
});

describe("a worker pool", { timeout: 60_000 }, () => {
  it("lets no plugin wait behind another's flood", async () => {
    const on = await run([onThread("flood", "holds"), onThread("modest", "fine")]);
    const order: string[] = [];
    const put = (name: string) => ask(on.runtime.scorer(name)).then(() => order.push(name));
    const flood = Array.from({ length: 60 }, () => put("flood"));
    const modest = Array.from({ length: 3 }, () => put("modest"));
    await Promise.all([...flood, ...modest]);
    const positions = order.flatMap((name, i) => (name === "modest" ? [i] : []));
    // Two of the flood are on the thread already, then they take turns.
    expect(positions).toEqual([2, 4, 6]);
  });

  it("sheds what is above a plugin's bound, and takes no more of anybody else", async () => {
    const on = await run([onThread("flood", "holds"), onThread("modest", "fine")]);
    const flood = Array.from({ length: 70 }, () => ask(on.runtime.scorer("flood")));
    const modest = ask(on.runtime.scorer("modest"));
    const ends = await Promise.all(flood);
    expect(ends.filter((end) => end === "SCORER_SHED").length).toBe(6);
    expect(await modest).toBe("scored");
    expect(on.status("flood").inFlight).toBe(0);
  });

  it("puts no call to a thread whose budget has ended while it waited", async () => {
    const on = await run([onThread("counting", "counting"), onThread("holds", "holds")]);
    const scorer = on.runtime.scorer("counting");
    const held = [ask(on.runtime.scorer("holds"), { request: { model: "200" } }), ask(on.runtime.scorer("holds"))];
    const late = Array.from({ length: 64 }, () => ask(scorer, { budgetUs: 20_000 }));
    expect(new Set(await Promise.all(late))).toEqual(new Set(["SCORER_DEADLINE"]));
    await Promise.all(held);
    const scores = new Float32Array(3);
    await scorer.score(fakeCall({ pool, budgetUs: 60_000_000 }), scores);
    expect([...scores]).toEqual([1, 1, 1]);
  });

  it("takes a call again where others have waited in vain", async () => {
    const clock = createManualClock();
    const on = await run([onThread("counting", "counting"), onThread("holds", "holds")], { clock });
    const held = [ask(on.runtime.scorer("holds"), { request: { model: "300" } }), ask(on.runtime.scorer("holds"))];
    const scorer = on.runtime.scorer("counting");
    const vain = Array.from({ length: 64 }, () => ask(scorer, { budgetUs: 20_000 }));
    expect(await ask(scorer)).toBe("SCORER_SHED");
    clock.advance(20);
    expect(await ask(scorer)).toBe("scored");
    expect(new Set(await Promise.all(vain))).toEqual(new Set(["SCORER_DEADLINE"]));
    await Promise.all(held);
  });

  it("tells endpoints, calls and events in the order they came, and events only of calls that were put", async () => {
    const on = await run([onThread("diary", "diary")]);
    const scorer = on.runtime.scorer("diary");
    const diary = async () => {
      const call = fakeCall({ pool, budgetUs: 60_000_000 });
      return String(await scorer.score(call, new Float32Array(3)));
    };
    const first = fakeCall({ pool, callId: 71, budgetUs: 60_000_000 });
    const answer = scorer.score(first, new Float32Array(3));
    addEndpoint(on.table, 3);
    on.table.remove("vllm-0");
    on.publish();
    await answer;
    scorer.feedback!(done(71));
    scorer.feedback!(done(71));
    scorer.feedback!(done(72));
    expect(await diary()).toBe("+vllm-0 +vllm-1 +vllm-2 call -0 +vllm-3 done71 call");
  });

  it("evaluates each call on its own snapshot, whatever was published since", async () => {
    const on = await run([onThread("looks", "looks-around")]);
    const scorer = on.runtime.scorer("looks");
    const seen = async (snapshot: typeof pool) => {
      const call = fakeCall({ pool: snapshot, budgetUs: 60_000_000 });
      return JSON.parse(String(await scorer.score(call, new Float32Array(call.candidates.length)))).waiting;
    };
    const old = on.table.current;
    on.table.setValue(1, "waiting_requests", 9, Date.now());
    on.publish();
    expect(
      await Promise.all([seen(on.table.current), seen(old), seen(fakeSnapshot([{ waiting_requests: 5 }]))]),
    ).toEqual([[0, 9, 2], [0, 1, 2], [5]]);
    for (let i = 0; i < 40; i += 1) {
      on.table.setValue(1, "waiting_requests", 10 + i, Date.now());
      on.publish();
    }
    expect(await seen(old)).toEqual([0, 1, 2]);
    expect(await seen(on.table.current)).toEqual([0, 49, 2]);
  });

  it("shows the in-flight counts of each decision", async () => {
    const on = await run([onThread("active", "sees-inflight")]);
    const scorer = on.runtime.scorer("active");
    const counts = (...requests: number[]) => {
      const column = Float32Array.from(requests);
      return { requests: column, promptTokens: column.map((n) => n * 10), outputTokens: new Float32Array(3).fill(9) };
    };
    const calls = [counts(1, 2, 3), counts(4, 5, 6), counts(7, 8, 9)].map(async (inflight) =>
      scorer.score(fakeCall({ pool, inflight, budgetUs: 60_000_000 }), new Float32Array(3)),
    );
    expect(await Promise.all(calls)).toEqual(["1,2,3 10,20,30 0,0,0", "4,5,6 40,50,60 0,0,0", "7,8,9 70,80,90 0,0,0"]);
  });

  it("runs producers; asked for scores they fail", async () => {
    const on = await run([onThread("lengths", "lengths")]);
    const values = [new Float32Array(3), new Float32Array(3)];
    await on.runtime.producer("lengths").produce(fakeCall({ pool, budgetUs: 60_000_000 }), values);
    expect(values.map((column) => [...column])).toEqual([
      [1, 2, 3],
      [10, 20, 30],
    ]);
    expect(on.runtime.producer("lengths").produces).toEqual(["data.a", "data.b"]);
    expect(await ask(on.runtime.scorer("lengths"))).toBe("SCORER_FAILED");
  });

  it("serves the next generation of a plugin beside the old one, which ends when it is not in force any more", async () => {
    const spec = onThread("counting", "counting");
    const on = await run([spec]);
    const setup = { specs: [{ ...spec, budgetMs: 50_000 }], processes: [], workers: { threads: 1, memoryMb: 64 } };
    const old = on.runtime.scorer("counting");
    expect(await ask(old)).toBe("scored");
    const prepared = await on.runtime.prepare({ ...setup, decisionBudgetMs: 1000 });
    expect(prepared.scorer("counting")).not.toBe(old);
    expect(await ask(old)).toBe("scored");
    prepared.commit();
    expect(on.status("counting")).toMatchObject({ state: "active", generation: 2 });
    expect(await ask(on.runtime.scorer("counting"))).toBe("scored");
    expect(await ask(old)).toBe("SCORER_UNAVAILABLE");
  });

  it("keeps what runs where the next generation does not start", async () => {
    const spec = onThread("strict", "strict");
    const on = await run([spec]);
    const specs = [{ ...spec, parameters: { size: 1 } }];
    const next = { specs, processes: [], workers: { threads: 1, memoryMb: 64 }, decisionBudgetMs: 1000 };
    await expect(on.runtime.prepare(next)).rejects.toThrow(/strict is failed: CONFIG_INVALID: .*size: is no parameter/);
    expect(await ask(on.runtime.scorer("strict"))).toBe("scored");
  });

  it("moves all to other threads when these change", async () => {
    const spec = onThread("fine", "fine");
    const on = await run([spec]);
    const next = { specs: [spec], processes: [], workers: { threads: 2, memoryMb: 32 }, decisionBudgetMs: 1000 };
    (await on.runtime.prepare(next)).commit();
    expect(await ask(on.runtime.scorer("fine"))).toBe("scored");
    expect(on.status("fine").generation).toBe(2);
  });

  it("stops the start with the faults of a built-in type's parameters, and where nobody declares the type", async () => {
    const { strict } = await import("./fixtures/modules.ts");
    const catalogue = { strict: { load: async () => strict, main: "", module } };
    const specs = [
      onThread("one", "strict", { module: undefined, parameters: { a: 1 }, path: "plugins[0]" }),
      onThread("two", "nowhere", { module: undefined, path: "plugins[1]" }),
    ];
    const error = await createTestHost({ specs, processes: [], catalogue }).catch((cause) => cause);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(/plugins\[0\]: .*a: is no parameter\nplugins\[1\]: nowhere is no built-in type/);
  });
});
