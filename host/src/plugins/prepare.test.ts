import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import {
  createTestHost,
  isAlive,
  plugin,
  quick,
  scripted,
  type TestHost,
  type TestHostOptions,
  until,
} from "./fixtures/harness.ts";
import { heard, inlineCatalogue } from "./fixtures/inline-definitions.ts";
import type { PluginSpec } from "./types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

const inline = (name: string, fields: Partial<PluginSpec> = {}) =>
  plugin(name, { type: "silent", placement: "inline", process: undefined, ...fields });

/** `kept` in a process of its own, `mine` in another, and one in the host. */
const specs = [plugin("kept", { process: "beside" }), plugin("mine"), inline("local")];
const processes = [scripted({}, "beside"), scripted()];

async function run(options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  const timing = { ...quick, shadowMs: 200, ...options.timing };
  host = await createTestHost({ specs, processes, catalogue: inlineCatalogue, ...options, timing });
  await host.runtime.start(15_000);
  return host;
}

function gone(pid: number | undefined): Promise<void> {
  return until(
    () => !isAlive(pid!),
    () => "a process that is not configured any more lives on",
  );
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 60_000 };

describe("a further setup", slow, () => {
  it("leaves what it says the same about as it is", async () => {
    const { runtime, status, setup } = await run();
    const before = specs.map(({ name }) => [runtime.scorer(name), status(name).pid, status(name).generation]);
    const moved = [specs[2]!, { ...specs[1]!, path: "plugins[7]", required: true }, specs[0]!];
    const prepared = await runtime.prepare(setup(moved, [...processes].reverse()));
    expect(prepared.comparisons).toEqual([]);
    prepared.commit();
    expect(specs.map(({ name }) => [prepared.scorer(name), status(name).pid, status(name).generation])).toEqual(before);
    expect(runtime.status().map(({ name }) => name)).toEqual(["local", "mine", "kept"]);
    process.kill(-status("mine").pid!, "SIGKILL");
    await until(
      () => runtime.missingRequired().join() === "mine",
      () => "it is not missed",
    );
  });

  it("starts a process anew that it says something else about, beside the old one until it is in force", async () => {
    const { runtime, status, setup, outcome } = await run();
    const [kept, mine] = [status("kept").pid, status("mine").pid];
    const changed = [specs[0]!, plugin("mine", { parameters: { fine: 1 } }), specs[2]!];
    const prepared = await runtime.prepare(setup(changed, processes));
    expect(prepared.comparisons).toMatchObject([{ name: "team", generation: 2 }]);
    expect(status("mine")).toMatchObject({ pid: mine, generation: 1, state: "active" });
    prepared.commit();
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    expect(status("mine")).toMatchObject({ generation: 2, state: "active" });
    expect(status("kept")).toMatchObject({ pid: kept, generation: 1 });
    await gone(mine);
  });

  it("adds and removes plugins, in processes and in the host", async () => {
    const { runtime, status, setup, decide, registry } = await run();
    const { pid } = status("mine");
    const next = [specs[0]!, plugin("new", { process: "more" }), inline("throws", { type: "throws" })];
    const prepared = await runtime.prepare(setup(next, [processes[0]!, scripted({}, "more")]));
    expect([prepared.comparisons, () => runtime.scorer("new")]).toEqual([[], expect.any(Function)]);
    prepared.commit();
    const { scorers } = (await decide(["kept", "new", "throws"])).profiles[0]!;
    expect(scorers.map(({ kind }) => kind)).toEqual(["scored", "scored", "failed"]);
    expect(runtime.status().map(({ name, state }) => `${name} ${state}`)).toEqual([
      "kept active",
      "new active",
      "throws active",
    ]);
    expect(() => runtime.scorer("mine")).toThrow();
    const gauge = await registry.getSingleMetricAsString("outrider_plugin_state");
    expect([gauge.includes('plugin="mine"'), gauge.includes('plugin="new",state="active"')]).toEqual([false, true]);
    await gone(pid);
  });

  it("moves a plugin from one process to another", async () => {
    const { runtime, status, setup, outcome } = await run();
    const scorer = runtime.scorer("mine");
    const next = [specs[0]!, plugin("mine", { process: "other" }), specs[2]!];
    const prepared = await runtime.prepare(setup(next, [processes[0]!, scripted({}, "other")]));
    prepared.commit();
    expect([prepared.scorer("mine"), status("mine").process]).toEqual([scorer, "other"]);
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });

  it("has another object for a plugin of another type or in another place", async () => {
    const { runtime, setup, decide } = await run();
    const before = specs.map(({ name }) => runtime.scorer(name));
    const next = [
      plugin("kept", { process: "beside", type: "others" }),
      inline("mine"),
      plugin("local", { process: "team" }),
    ];
    const prepared = await runtime.prepare(setup(next, processes));
    prepared.commit();
    for (const [i, { name }] of next.entries()) expect(runtime.scorer(name)).not.toBe(before[i]);
    const { scorers } = (await decide(["kept", "mine", "local"])).profiles[0]!;
    expect(scorers.map(({ kind }) => kind)).toEqual(["scored", "abstained", "scored"]);
  });

  const faults: { title: string; next: PluginSpec[]; message: RegExp }[] = [
    {
      title: "a plugin in the host whose parameters are wrong",
      next: [
        specs[0]!,
        plugin("mine", { parameters: { fine: 1 } }),
        inline("local", { type: "strict", parameters: { a: 1 } }),
      ],
      message: /a: is no parameter/,
    },
    {
      title: "a process that refuses what it took before",
      next: [specs[0]!, plugin("mine", { parameters: { bad: 1 } }), specs[2]!],
      message: /^generation 2 of team does not take over: mine: plugins\[0\]\.parameters\.bad: is no parameter$/,
    },
    {
      title: "a type in the host that is not built in",
      next: [specs[0]!, specs[1]!, inline("local", { type: "nothing" })],
      message: /plugins\[0\]\.type: nothing is no built-in type/,
    },
  ];
  for (const { title, next, message } of faults) {
    it(`changes nothing where it has ${title}`, async () => {
      const { runtime, status, setup, decide } = await run();
      const pids = specs.map(({ name }) => status(name).pid);
      await expect(runtime.prepare(setup(next, processes))).rejects.toThrow(message);
      expect(specs.map(({ name }) => status(name).pid)).toEqual(pids);
      expect(runtime.status().map(({ state, generation }) => `${state} ${generation}`)).toEqual(
        Array(3).fill("active 1"),
      );
      const { scorers } = (await decide(["kept", "mine"])).profiles[0]!;
      expect(scorers.map(({ kind }) => kind)).toEqual(["scored", "scored"]);
      expect(await runtime.upgrade("mine")).toMatchObject({ name: "team" });
    });
  }

  it("may have a new plugin that does not start: it goes on trying", async () => {
    const { runtime, setup, reach } = await run();
    const next = [...specs, plugin("new", { process: "more" })];
    const prepared = await runtime.prepare(setup(next, [...processes, scripted({ MODE: "exits" }, "more")]));
    prepared.commit();
    expect((await reach("new", "quarantined")).message).toMatch(/exited with code 7/);
  });

  it("can be given up: what was started for it ends", async () => {
    const { runtime, status, setup, outcome } = await run();
    const { pid } = status("mine");
    const next = [
      specs[0]!,
      plugin("mine", { parameters: { fine: 1 } }),
      inline("new"),
      plugin("more", { process: "more" }),
    ];
    const prepared = await runtime.prepare(setup(next, [...processes, scripted({}, "more")]));
    await prepared.discard();
    prepared.commit();
    expect(status("mine")).toMatchObject({ pid, generation: 1, state: "active" });
    expect(runtime.status().length).toBe(3);
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    const boots = host!.traced().filter(({ drain }) => drain === true);
    expect(boots.length).toBe(2);
  });

  it("waits for its turn", async () => {
    const { runtime, setup } = await run();
    const prepared = await runtime.prepare(setup(specs, processes));
    await expect(runtime.prepare(setup(specs, processes))).rejects.toThrow(/another change is under way/);
    await expect(runtime.upgrade("mine")).rejects.toThrow(/another change is under way/);
    prepared.commit();
    (await runtime.prepare(setup(specs, processes))).commit();
  });

  it("has every plugin hear once of an endpoint that comes while others are still made", async () => {
    const { runtime, setup, table, publish } = await run();
    const many = Array.from({ length: 30 }, (_, i) => inline(`listener-${i}`, { type: "listener" }));
    heard.length = 0;
    const preparing = runtime.prepare(setup([...specs, ...many], processes));
    while (heard.length === 0) await nextTurn();
    expect(heard.length).toBeLessThan(many.length);
    table.upsert({ id: "default/late", address: "10.0.0.99:8000", labels: {} });
    publish();
    await preparing;
    const told = heard.filter((event) => "upserted" in event && event.upserted.some(({ id }) => id === "default/late"));
    expect(told.length).toBe(many.length);
  });

  it("comes behind an upgrade that is under way", async () => {
    const { runtime, setup, status } = await run();
    const upgrade = runtime.upgrade("mine");
    const prepared = await runtime.prepare(setup(specs, processes));
    expect((await upgrade).generation).toBe(2);
    prepared.commit();
    expect(status("mine")).toMatchObject({ generation: 2, state: "active" });
  });

  it("tries what was given up again, though it says the same about it", async () => {
    const { runtime, setup, status, outcome, reach } = await run({
      processes: [processes[0]!, scripted({ MODE: "nan" })],
    });
    for (let call = 0; call < 3; call += 1) await outcome("mine");
    await reach("mine", "quarantined");
    (await runtime.prepare(setup(specs, [processes[0]!, scripted({ MODE: "nan" })]))).commit();
    await reach("mine", "active");
    expect(status("mine").generation).toBe(1);
  });

  it("knows the endpoints as they are when it is in force", async () => {
    const { runtime, setup, table, publish, outcome } = await run();
    const changed = [specs[0]!, plugin("mine", { parameters: { fine: 1 } }), specs[2]!];
    const prepared = await runtime.prepare(setup(changed, processes));
    table.remove("vllm-1");
    publish();
    prepared.commit();
    expect([...(await outcome("mine")).scores]).toEqual([1 / 64, 3 / 64]);
  });

  it("may hash prompts in blocks of another size", async () => {
    const hashes = (blockSizeTokens: number) => ({
      grant: [{ key: "request.block_hashes", blockSizeTokens } as const],
    });
    const both = (size: number) => [
      plugin("kept", { process: "beside", ...hashes(size) }),
      plugin("mine", hashes(size)),
    ];
    const wanting = [
      scripted({ NEEDS: "request.block_hashes" }, "beside"),
      scripted({ NEEDS: "request.block_hashes" }),
    ];
    const { runtime, setup } = await run({ specs: both(16), processes: wanting });
    expect(runtime.granted).toMatchObject([{ blockSizeTokens: 16 }]);
    const prepared = await runtime.prepare(setup(both(32), wanting));
    expect(runtime.granted).toMatchObject([{ blockSizeTokens: 16 }]);
    prepared.commit();
    expect(runtime.granted).toMatchObject([{ blockSizeTokens: 32 }]);
  });
});
