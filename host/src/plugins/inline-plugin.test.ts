import { fileURLToPath } from "node:url";
import type { FeedbackEvent } from "@outrider/core/contract";
import { fakeCall } from "@outrider/transport/testing";
import { afterEach, describe, expect, it } from "vitest";
import { addEndpoint, createTestHost, plugin, type TestHost } from "./fixtures/harness.ts";
import { heard, heavy, inlineCatalogue } from "./fixtures/inline-definitions.ts";
import { createManualClock } from "./fixtures/manual-clock.ts";
import type { PluginSpec } from "./types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
  heard.length = 0;
});

async function run(...types: string[]): Promise<TestHost> {
  const specs = types.map((type, i) =>
    plugin(type, { type, placement: "inline", process: undefined, path: `plugins[${i}]` }),
  );
  host = await createTestHost({ specs, processes: [], catalogue: inlineCatalogue });
  await host.runtime.start(1000);
  return host;
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

describe("an inline plugin", () => {
  it("stops the start with every fault of its parameters, at its path", async () => {
    const bad = (name: string, i: number) =>
      plugin(name, { type: "strict", placement: "inline", parameters: { [name]: 1 }, path: `plugins[${i}]` });
    const specs = [bad("one", 0), bad("two", 1)];
    const error = await createTestHost({ specs, processes: [], catalogue: inlineCatalogue }).catch((cause) => cause);
    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toMatch(/plugins\[0\].*one: is no parameter\n.*plugins\[1\].*two: is no parameter/);
  });

  it("stops the start when it needs blocks of another size than the one before", async () => {
    await expect(run("hashes", "short-hashes")).rejects.toThrow(/plugins\[1\]: .*blocks of 16 tokens.*by 64/);
  });

  const failures = [
    { type: "throws", message: "throws: a bug" },
    { type: "rejects", message: "rejects: a slow bug" },
  ];
  for (const { type, message } of failures) {
    it(`fails its call and nobody else's when its code ${type}`, async () => {
      const { decide, status } = await run(type, "listener");
      const [failed, scored] = (await decide([type, "listener"])).profiles[0]!.scorers;
      expect(failed).toMatchObject({ kind: "failed", error: { code: "SCORER_FAILED", message } });
      expect(scored!.kind).toBe("scored");
      expect(status(type).lastError).toBe(`SCORER_FAILED: ${message}`);
    });
  }

  it("survives hooks that throw; they are counted and logged once in a while", async () => {
    const { runtime, registry, logs } = await run("throws");
    for (let id = 0; id < 5; id += 1) runtime.scorer("throws").feedback!(done(id));
    expect(await registry.getSingleMetricAsString("outrider_plugin_hook_errors_total")).toContain(
      '{plugin="throws"} 6',
    );
    expect(logs.filter(({ msg }) => msg.includes("threw")).length).toBe(1);
  });

  it("is active at once, and granted what it asks", async () => {
    const { status, runtime } = await run("hashes");
    expect(status("hashes")).toMatchObject({ state: "active", granted: ["request.block_hashes"], placement: "inline" });
    expect(runtime.granted).toEqual([{ key: "request.block_hashes", required: true, blockSizeTokens: 64 }]);
  });

  it("learns of the endpoints there are, then of every change once, before the next call", async () => {
    const { table, publish, runtime } = await run("listener");
    expect(heard).toMatchObject([{ upserted: [{ id: "vllm-0" }, { id: "vllm-1" }, { id: "vllm-2" }] }]);
    runtime.publish(table.current, { removedSlots: [], upserted: [table.current.at(0)!] });
    addEndpoint(table, 3);
    table.remove("vllm-0");
    publish();
    expect(heard.slice(1)).toMatchObject([{ removedSlots: [0], upserted: [{ id: "vllm-3" }] }]);
  });

  it("gets the events it asked for, and done, as they come", async () => {
    const { runtime } = await run("listener");
    heard.length = 0;
    const { feedback } = runtime.scorer("listener");
    feedback!({ kind: "progress", callId: 1, slot: 0, atMs: 0, chunks: 1, outputTokens: 1, elapsedMs: 1 });
    feedback!(done(1));
    expect(heard).toMatchObject([{ kind: "done", callId: 1 }]);
    expect((await run("silent")).runtime.scorer("silent").feedback).toBeUndefined();
  });

  it("is judged by no other clock than its own, which may be one that stands still meanwhile", async () => {
    const [clock, inlineClock] = [createManualClock(), createManualClock()];
    const catalogue = { heavy: { load: async () => heavy(() => clock.advance(9)), main: "" } };
    const spec = plugin("heavy", { type: "heavy", placement: "inline", process: undefined, budgetMs: 2 });
    host = await createTestHost({ specs: [spec], processes: [], catalogue, clock, inlineClock });
    for (let i = 0; i < 30; i += 1) expect(await host.outcome("heavy")).toMatchObject({ kind: "scored" });
    expect(host.status("heavy").state).toBe("active");
  });

  it("is ejected where it overruns its budget again and again; released, it is asked again", async () => {
    const clock = createManualClock();
    const held: number[] = [];
    const catalogue = { heavy: { load: async () => heavy(() => clock.advance(held.shift() ?? 0)), main: "" } };
    const spec = plugin("heavy", { type: "heavy", placement: "inline", process: undefined, budgetMs: 2 });
    host = await createTestHost({ specs: [spec], processes: [], catalogue, clock });
    const { outcome, status, runtime, registry, logs } = host;
    held.push(9, 9, 9, 9, 9);
    for (let i = 0; i < 5; i += 1) expect(await outcome("heavy")).toMatchObject({ kind: "scored" });
    expect(status("heavy")).toMatchObject({ state: "ejected", message: expect.stringContaining("placement: worker") });
    expect(await outcome("heavy")).toMatchObject({ kind: "failed", error: { code: "SCORER_EJECTED" } });
    expect(logs.filter(({ level, msg }) => level === 50 && msg.startsWith("disabled: 5 calls in a row")).length).toBe(
      1,
    );
    expect(await registry.getSingleMetricAsString("outrider_plugin_overruns_total")).toContain('{plugin="heavy"} 5');
    expect(runtime.release("heavy")).toBe(true);
    expect(runtime.release("heavy")).toBe(false);
    expect(status("heavy").state).toBe("active");
    expect(await outcome("heavy")).toMatchObject({ kind: "scored" });
  });

  it("does not count what it took to warm up", async () => {
    const clock = createManualClock();
    const catalogue = { heavy: { load: async () => heavy(() => clock.advance(9)), main: "" } };
    const spec = plugin("heavy", { type: "heavy", placement: "inline", process: undefined, budgetMs: 2 });
    host = await createTestHost({ specs: [spec], processes: [], catalogue, clock });
    const call = { ...fakeCall({ pool: [{}] }), isRehearsal: true };
    for (let i = 0; i < 50; i += 1) await host.runtime.scorer("heavy").score(call, new Float32Array(1));
    expect(host.status("heavy").state).toBe("active");
  });

  it("of a module is granted what an operator grants, and stops the start where that is too little", async () => {
    const module = fileURLToPath(new URL("worker/fixtures/modules.ts", import.meta.url));
    const of = (type: string, grant: PluginSpec["grant"] = []) =>
      plugin(type, { type, module, grant, placement: "inline", process: undefined });
    const run = (spec: PluginSpec) => createTestHost({ specs: [spec], processes: [] });
    await expect(run(of("wants-prompt"))).rejects.toThrow(/plugins\[0\]: request.prompt_text is only granted by/);
    await expect(run(of("elsewhere"))).rejects.toThrow(/plugins\[0\].module: .*declares no type elsewhere/);
    host = await run(of("wants-prompt", [{ key: "request.prompt_text" }]));
    expect(await host.outcome("wants-prompt")).toMatchObject({ kind: "scored" });
  });

  it("is stopped with the runtime", async () => {
    const { runtime, status } = await run("listener");
    await Promise.all([runtime.stop(), runtime.stop()]);
    expect(status("listener").state).toBe("stopped");
  });
});
