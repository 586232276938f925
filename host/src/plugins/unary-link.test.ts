import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { addEndpoint, createTestHost, plugin, type TestHost, type TestHostOptions, until } from "./fixtures/harness.ts";
import type { PluginSpec } from "./types.ts";

const file = fileURLToPath(new URL("fixtures/replicated-plugin.ts", import.meta.url));
const timing = { backoffMinMs: 100, backoffMaxMs: 100, connectMs: 100, killMs: 200, drainMs: 500 };

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function run(
  env: Record<string, string> = {},
  spec: Partial<PluginSpec> = {},
  more: Partial<TestHostOptions> = {},
): Promise<TestHost> {
  const command = [process.execPath, file];
  host = await createTestHost({
    specs: [plugin("mine", spec)],
    processes: [{ name: "team", kind: "command", command, cwd: tmpdir(), env }],
    timing,
    ...more,
  });
  await host.runtime.start(15_000);
  return host;
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin that answers a handshake over HTTP/1.1", slow, () => {
  const faults: { title: string; env?: Record<string, string>; spec?: Partial<PluginSpec>; message: RegExp }[] = [
    {
      title: "and knows no Configure",
      env: { MODE: "no-configure" },
      message: /answers Handshake and knows no Configure/,
    },
    {
      title: "and knows no PushState",
      env: { MODE: "no-state" },
      message: /answers Handshake and knows no PushState: serve PushState/,
    },
    {
      title: "and cannot do without what travels with calls",
      env: { NEEDS: "inflight_requests!" },
      message: /inflight_requests changes with every decision .*: have the plugin serve one/,
    },
    { title: "and does not serve the type", spec: { type: "other" }, message: /serves no type other; it serves slots/ },
    {
      title: "and finds fault with its parameters",
      spec: { parameters: { bad: 1 } },
      message: /plugins\[0\]\.parameters\.bad: is no parameter/,
    },
  ];
  for (const { title, env = {}, spec = {}, message } of faults) {
    it(`${title} fails, and says why`, async () => {
      const { status } = await run(env, spec);
      expect(status("mine")).toMatchObject({ state: "failed", message: expect.stringMatching(message) });
    });
  }

  it("is asked by slots of a table that it was sent before", async () => {
    const { outcome, status, traced } = await run();
    expect(await outcome("mine")).toMatchObject({ kind: "scored", scores: Float32Array.of(1, 1 / 2, 1 / 3) });
    expect(status("mine")).toMatchObject({ state: "active", profile: "replicated", revLag: 0 });
    expect(traced().slice(0, 3)).toMatchObject([
      { hello: true },
      { configure: [{ id: 1, granted: ["waiting_requests"] }] },
      { state: 1, full: true },
    ]);
  });

  it("follows the table step by step", async () => {
    const { table, publish, outcome, status, traced } = await run();
    addEndpoint(table, 3);
    publish();
    await until(
      () => status("mine").revLag === 0,
      () => `it is ${status("mine").revLag} behind`,
    );
    expect(await outcome("mine")).toMatchObject({ scores: Float32Array.of(1, 1 / 2, 1 / 3, 1 / 4) });
    expect(traced().at(-1)).toEqual({ state: 2, full: false });
  });

  it("goes without what travels with calls where it can", async () => {
    const { outcome, status, logs } = await run({ NEEDS: "waiting_requests,inflight_requests" });
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    expect(status("mine").granted).toEqual(["waiting_requests"]);
    expect(logs.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/not granted: inflight_requests/));
  });

  it("may be a producer", async () => {
    const { decide } = await run({}, { type: "counts" });
    const { producers } = await decide([], { producers: ["mine"] });
    expect(producers).toMatchObject([{ kind: "scored", values: [Float32Array.of(0, 1, 2)] }]);
  });

  it("rules out what it was granted to", async () => {
    const { outcome } = await run({ NEEDS: "waiting_requests,veto" }, { grant: [{ key: "veto" }] });
    expect(await outcome("mine")).toMatchObject({ kind: "scored", vetoed: [0] });
  });

  it("is told what became of its calls", async () => {
    const { decide, runtime, traced } = await run({ NEEDS: "waiting_requests,events.done" });
    await decide(["mine"]);
    const end = { cause: "ok", status: 200, promptTokens: 1, cachedTokens: 0, outputTokens: 1, ttftUs: 1, e2eMs: 1 };
    runtime.scorer("mine").feedback?.({ kind: "done", callId: 1, slot: 2, atMs: 1, ...end } as never);
    await until(
      () => traced().some(({ event }) => event === "done"),
      () => JSON.stringify(traced()),
    );
  });

  it("is found again when it was killed", async () => {
    const { status, reach, outcome } = await run();
    process.kill(status("mine").pid!, "SIGKILL");
    await until(
      () => status("mine").restarts === 1,
      () => "no restart",
    );
    await reach("mine", "active");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });
});
