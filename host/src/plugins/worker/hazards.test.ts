import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createTestHost, plugin, quick, type TestHost, type TestHostOptions, until } from "../fixtures/harness.ts";
import type { PluginSpec } from "../types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}.ts`, import.meta.url));

/** A type of the fixtures' modules on threads, named after it. */
function onThread(type: string, fields: Partial<PluginSpec> = {}): PluginSpec {
  const place = { placement: "worker", process: undefined, module: fixture("modules") } as const;
  return plugin(type, { type, ...place, budgetMs: 50, path: `plugins[${type}]`, ...fields });
}

async function run(specs: readonly PluginSpec[], options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  const workers = { threads: 1, memoryMb: 64 };
  const made = await createTestHost({ specs, processes: [], workers, timing: quick, ...options });
  host = made;
  await made.runtime.start(30_000);
  return made;
}

const edges = (of: TestHost, name: string) => of.status(name).events.map(({ to }) => to);

describe("a module on a thread", { timeout: 60_000 }, () => {
  it("rates candidates, active step by step", async () => {
    const on = await run([onThread("fine")]);
    const { scorers } = (await on.decide(["fine"])).profiles[0]!;
    expect(scorers[0]).toMatchObject({ kind: "scored" });
    expect([...scorers[0]!.scores]).toEqual([1, 1, 1]);
    expect(edges(on, "fine")).toEqual(["starting", "handshaking", "configuring", "active"]);
    expect(on.status("fine").times.plugin).toBeDefined();
  });

  const refused = [
    {
      what: "parameters that it refuses",
      spec: onThread("strict", { parameters: { size: 1 } }),
      says: /CONFIG_INVALID: .*size: is no parameter/,
    },
    {
      what: "a type that its module does not declare",
      spec: onThread("elsewhere"),
      says: /PLUGIN_REJECTED: .*declares no type elsewhere, only breaks-when-made, /,
    },
    {
      what: "a need that is not granted",
      spec: onThread("wants-prompt"),
      says: /PLUGIN_REJECTED: .*request.prompt_text.*plugins\[wants-prompt\]/,
    },
  ];
  for (const { what, spec, says } of refused) {
    it(`fails with ${what}, and its neighbour serves`, async () => {
      const on = await run([spec, onThread("fine")]);
      expect(on.status(spec.name)).toMatchObject({ state: "failed", message: expect.stringMatching(says) });
      expect(await on.outcome(spec.name)).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
      expect(await on.outcome("fine")).toMatchObject({ kind: "scored" });
    });
  }

  const unmade = [
    { what: "throws when it is loaded", module: fixture("throw-at-import"), says: /SCORER_FAILED: not today/ },
    {
      what: "ends its thread when it is loaded",
      module: fixture("exit-at-import"),
      says: /SCORER_UNAVAILABLE: .*lost: .*exit code 4/,
    },
    {
      what: "loops for ever when it is loaded",
      module: fixture("loop-at-import"),
      says: /SCORER_DEADLINE: .*not loaded within 300 ms/,
    },
    { what: "is not there", module: fixture("nowhere"), says: /SCORER_FAILED: Cannot find module/ },
    {
      what: "throws when its instance is made",
      module: fixture("modules"),
      type: "breaks-when-made",
      says: /SCORER_FAILED: no licence/,
    },
  ];
  for (const { what, module, type = "any", says } of unmade) {
    it(`is tried again and then quarantined where it ${what}; its neighbour notices nothing`, async () => {
      const timing = { ...quick, crashLimit: 2, handshakeMs: 300 };
      const on = await run([onThread("bad", { module, type }), onThread("fine")], { timing });
      const { message, events } = await on.reach("bad", "quarantined");
      expect(events.map(({ to }) => to)).toEqual(["starting", "backoff", "starting", "quarantined"]);
      expect(events[1]!.message).toMatch(says);
      expect(message).toMatch(says);
      expect(await on.outcome("fine")).toMatchObject({ kind: "scored" });
      expect(on.status("fine")).toMatchObject({ state: "active", restarts: 0 });
    });
  }

  it("is tried again when an operator releases it from its quarantine", async () => {
    const bad = onThread("bad", { module: fixture("throw-at-import"), type: "any" });
    const on = await run([bad, onThread("fine")], { timing: { ...quick, crashLimit: 1 } });
    await on.reach("bad", "quarantined");
    expect(on.runtime.release("fine")).toBe(false);
    expect(on.runtime.release("bad")).toBe(true);
    await until(
      () => edges(on, "bad").length === 4,
      () => edges(on, "bad").join(),
    );
    expect(edges(on, "bad").slice(2)).toEqual(["starting", "quarantined"]);
  });

  const failing = [
    { type: "throws", message: "throws: a bug" },
    { type: "rejects", message: "rejects: a slow bug" },
  ];
  for (const { type, message } of failing) {
    it(`fails its call where its code ${type}, and stays active`, async () => {
      const on = await run([onThread(type)]);
      expect(await on.outcome(type)).toMatchObject({ kind: "failed", error: { code: "SCORER_FAILED", message } });
      expect(on.status(type)).toMatchObject({ state: "active", lastError: `SCORER_FAILED: ${message}` });
    });
  }

  it("is ejected where it fails five times in a row", async () => {
    const on = await run([onThread("throws")]);
    for (let i = 0; i < 5; i += 1) await on.outcome("throws");
    expect(await on.outcome("throws")).toMatchObject({ kind: "failed", error: { code: "SCORER_EJECTED" } });
    expect(on.status("throws")).toMatchObject({
      state: "ejected",
      message: expect.stringContaining("5 errors in a row"),
    });
  });

  const deadly = [
    { what: "holds it for ever", type: "holds", model: "hang", why: /held a thread for \d+ ms/ },
    {
      what: "needs more memory than it has",
      type: "leaks-memory",
      model: "leak",
      why: /more than its heap of 64 MiB/,
      budgetMs: 6_000,
    },
    { what: "ends it", type: "exits", model: "exit", why: /exit code 3/ },
  ];
  for (const { what, type, model, why, budgetMs = 50 } of deadly) {
    it(`that ${what} gets another thread; requests see a missing answer, and so do its neighbours'`, async () => {
      const on = await run([onThread(type, { budgetMs }), onThread("fine")]);
      const [lost, neighbour] = (await on.decide([type, "fine"], { facts: { model }, budgetMs: 60_000 })).profiles[0]!
        .scorers;
      for (const outcome of [lost, neighbour]) {
        expect(outcome).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
        expect((outcome as { error: Error }).error.message).toMatch(why);
      }
      await until(
        () => edges(on, type).includes("backoff"),
        () => edges(on, type).join(),
      );
      await on.reach(type, "active");
      await on.reach("fine", "active");
      expect(on.status(type).events.find(({ to }) => to === "backoff")!.message).toMatch(why);
      expect(on.status(type)).toMatchObject({ restarts: 1, inFlight: 0 });
      for (const name of [type, "fine"]) expect(await on.outcome(name)).toMatchObject({ kind: "scored" });
    });
  }

  it("is quarantined for its own crashes alone, and its neighbour is not", async () => {
    const timing = { ...quick, crashLimit: 2 };
    const on = await run([onThread("exits"), onThread("fine")], { timing });
    for (const state of ["active", "quarantined"] as const) {
      await on.decide(["exits"], { facts: { model: "exit" } });
      await until(
        () => on.status("fine").restarts > 0,
        () => "no restart",
      );
      await on.reach("exits", state);
      await on.reach("fine", "active");
    }
    expect(on.status("exits").message).toMatch(/2 times in 120 s, last because .*exit code 3/);
    await on.reach("fine", "active");
    expect(await on.outcome("fine")).toMatchObject({ kind: "scored" });
  });

  it("stays on its other threads when one is lost", async () => {
    const on = await run([onThread("exits"), onThread("fine")], { workers: { threads: 2, memoryMb: 64 } });
    const made = () => on.logs.filter(({ msg }) => msg === "runs on a thread").length;
    await until(
      () => made() === 4,
      () => `made ${made()} times`,
    );
    await on.decide(["exits"], { facts: { model: "exit" } });
    await on.reach("exits", "active");
    expect(edges(on, "exits").slice(4)).toEqual(["degraded", "active"]);
    expect(edges(on, "fine").slice(4)).toEqual([]);
    expect(await on.outcome("exits")).toMatchObject({ kind: "scored" });
  });

  it("that never answers is given up after a while and sheds above what it takes", async () => {
    const on = await run([onThread("never-answers")]);
    const outcomes = await Promise.all([1, 2, 3].map(() => on.outcome("never-answers", 30)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["late", "late", "shed"]);
    await until(
      () => on.status("never-answers").inFlight === 0,
      () => "calls are kept",
    );
    expect(on.status("never-answers")).toMatchObject({ state: "active", restarts: 0 });
  });

  it("that floods its output harms neither calls nor log", async () => {
    const on = await run([onThread("floods", { budgetMs: 5_000 })]);
    expect(await on.outcome("floods", 5_000)).toMatchObject({ kind: "scored" });
    await until(
      () => on.logs.some(({ msg }) => msg === "a word on stderr"),
      () => "nothing on stderr",
    );
    expect(on.logs.length).toBeLessThan(1500);
    const dropped = async () => {
      const metric = await on.registry.getSingleMetricAsString("outrider_plugin_log_dropped_bytes_total");
      return Number(/worker 0"\} (\d+)/.exec(metric)?.[1]);
    };
    await expect.poll(dropped, { timeout: 10_000 }).toBeGreaterThan(1_000_000);
  });

  it("loses no thread by what it leaves unhandled; it is counted and logged", async () => {
    const on = await run([onThread("forgets-promises"), onThread("fine")]);
    expect(await on.outcome("forgets-promises")).toMatchObject({ kind: "scored" });
    const metric = () => on.registry.getSingleMetricAsString("outrider_plugin_hook_errors_total");
    await expect.poll(metric, { timeout: 10_000 }).toContain('{plugin="forgets-promises"} 2');
    expect(on.logs.some(({ msg, plugin }) => msg.includes("threw") && plugin === "forgets-promises")).toBe(true);
    expect(on.status("forgets-promises")).toMatchObject({ state: "active", restarts: 0 });
  });

  it("survives hooks that throw; they are counted", async () => {
    const on = await run([onThread("broken-hooks")]);
    expect(await on.outcome("broken-hooks")).toMatchObject({ kind: "scored" });
    on.table.remove("vllm-0");
    on.publish();
    const metric = () => on.registry.getSingleMetricAsString("outrider_plugin_hook_errors_total");
    await expect.poll(metric, { timeout: 10_000 }).toContain('{plugin="broken-hooks"} 2');
  });

  it("sees what it was granted and nothing else, and vetoes only where it may", async () => {
    const veto = [{ key: "veto" }] as const;
    const on = await run([
      onThread("looks-around"),
      onThread("vetoes", { type: "looks-around", grant: [...veto, { key: "request.prompt_text", maxBytes: 3 }] }),
    ]);
    const [blind, granted] = (await on.decide(["looks-around", "vetoes"])).profiles[0]!.scorers;
    expect(JSON.parse((blind as { reason: string }).reason)).toEqual({
      promptText: "",
      sessionKey: "s-1",
      labels: [],
      waiting: [0, 1, 2],
    });
    expect(blind!.vetoed).toEqual([]);
    expect(JSON.parse((granted as { reason: string }).reason)).toMatchObject({ promptText: "sec" });
    expect(granted!.vetoed).toEqual([0]);
  });

  it("keeps its state on one thread", async () => {
    const on = await run([onThread("counting"), onThread("fine")], { workers: { threads: 3, memoryMb: 64 } });
    const scores: number[] = [];
    for (let i = 0; i < 6; i += 1) scores.push((await on.outcome("counting")).scores[0]!);
    expect(scores).toEqual([1, 2, 3, 4, 5, 6].map((calls) => Math.fround(1 / calls)));
  });

  it("is stopped with the runtime, whatever it does", async () => {
    const on = await run([onThread("holds"), onThread("fine")]);
    void on.decide(["holds"], { facts: { model: "hang" }, budgetMs: 10 });
    await Promise.all([on.runtime.stop(), on.runtime.stop()]);
    expect([on.status("holds").state, on.status("fine").state]).toEqual(["stopped", "stopped"]);
  });
});
