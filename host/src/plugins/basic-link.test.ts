import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createTestHost, freePort, plugin, type TestHost, type TestHostOptions, until } from "./fixtures/harness.ts";
import type { PluginSpec, ProcessSpec } from "./types.ts";

const file = fileURLToPath(new URL("fixtures/basic-plugin.ts", import.meta.url));
const timing = { backoffMinMs: 100, backoffMaxMs: 100, connectMs: 100, killMs: 200, drainMs: 200 };

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

function basic(env: Record<string, string> = {}): ProcessSpec {
  return { name: "team", kind: "command", command: [process.execPath, file], cwd: tmpdir(), env };
}

async function run(
  env: Record<string, string> = {},
  spec: Partial<PluginSpec> = {},
  more: Partial<TestHostOptions> = {},
) {
  host = await createTestHost({
    specs: [plugin("mine", spec)],
    processes: [basic(env)],
    timing,
    random: () => 1,
    ...more,
  });
  await host.runtime.start(15_000);
  return host;
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin that knows Score alone", slow, () => {
  const failures = [
    { mode: "wrong-count", code: "SCORES_INVALID" },
    { mode: "nan", code: "SCORES_INVALID" },
    { mode: "garbage", code: "PROTOCOL_VIOLATION" },
  ];
  for (const { mode, code } of failures) {
    it(`fails its call when it answers ${mode}, and is put in quarantine for the third time`, async () => {
      const { outcome, reach } = await run({ MODE: mode });
      for (let call = 0; call < 3; call += 1) {
        expect(await outcome("mine")).toMatchObject({ kind: "failed", error: { code } });
      }
      await reach("mine", "quarantined");
    });
  }

  const faults: { title: string; spec: Partial<PluginSpec>; env?: Record<string, string>; message: RegExp }[] = [
    {
      title: "takes no parameters",
      spec: { parameters: { a: 1 } },
      message: /plugins\[0\]\.parameters: team .*takes none/,
    },
    {
      title: "gets no facts but what the operator grants",
      spec: { needs: [{ key: "request.prompt_text", required: true }] },
      message: /request\.prompt_text is only granted by the operator/,
    },
    {
      title: "is to answer no Handshake",
      spec: {},
      env: { MODE: "shakes-hands" },
      message: /answers Handshake and knows no Configure: .*answer Handshake with 501/,
    },
  ];
  for (const { title, spec, env = {}, message } of faults) {
    it(title, async () => {
      const { status } = await run(env, spec);
      expect(status("mine")).toMatchObject({ state: "failed", message: expect.stringMatching(message) });
    });
  }

  it("serves one type", async () => {
    const specs = [plugin("one", { type: "a" }), plugin("two", { type: "b", path: "plugins[1]" })];
    const { status } = await run({}, {}, { specs });
    expect(status("one").state).toBe("active");
    expect(status("two")).toMatchObject({ state: "failed", message: expect.stringMatching(/^plugins\[1\]\.type: /) });
  });

  it("rates endpoints by the columns that everybody gets", async () => {
    const { outcome, status } = await run();
    expect([...(await outcome("mine")).scores].map((score) => score.toFixed(2))).toEqual(["1.00", "0.50", "0.33"]);
    expect(status("mine")).toMatchObject({
      state: "active",
      profile: "basic",
      granted: ["waiting_requests", "running_requests", "kv_cache_usage"],
    });
  });

  it("abstains for a candidate with an unknown column", async () => {
    const { outcome, table, publish } = await run();
    table.setValue(1, "kv_cache_usage", Number.NaN, Date.now());
    publish();
    const { scores } = await outcome("mine");
    expect([scores[0], scores[1], scores[2]!.toFixed(2)]).toEqual([1, Number.NaN, "0.33"]);
  });

  it("may be the file of Python's standard library", async () => {
    const script = fileURLToPath(new URL("../../../examples/scorer-python-stdlib/scorer.py", import.meta.url));
    const processes: ProcessSpec[] = [
      { name: "team", kind: "command", command: ["python3", script], cwd: tmpdir(), env: {} },
    ];
    const { outcome, status } = await run({}, {}, { processes });
    expect([...(await outcome("mine")).scores]).toEqual([1, 0.5, Math.fround(1 / 3)]);
    expect(status("mine")).toMatchObject({ state: "active", profile: "basic" });
  });

  it("is late when it answers behind the bell, and sheds what is above 16 calls at once", async () => {
    const { decide, status } = await run({ DELAY_MS: "60" });
    const records = await Promise.all(Array.from({ length: 20 }, () => decide(["mine"], { budgetMs: 15 })));
    const kinds = records.map(({ profiles }) => profiles[0]!.scorers[0]!.kind);
    expect(kinds.filter((kind) => kind === "shed").length).toBe(4);
    expect(kinds.filter((kind) => kind === "late").length).toBe(16);
    await until(
      () => status("mine").inFlight === 0,
      () => "answers are missing",
    );
    expect(status("mine").lateAnswers).toBe(16);
  });

  it("is drained: the host waits for the answers that are due", async () => {
    const { outcome, runtime } = await run({ DELAY_MS: "60" });
    const answer = outcome("mine");
    await runtime.stop();
    expect(await answer).toMatchObject({ kind: "scored" });
  });

  it("is restarted when it is killed; meanwhile its calls fail at once", async () => {
    const { outcome, reach, status } = await run();
    process.kill(-status("mine").pid!, "SIGKILL");
    expect((await reach("mine", "backoff")).message).toBe("was ended by SIGKILL");
    expect(await outcome("mine")).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
    await reach("mine", "active");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    expect(status("mine").restarts).toBe(1);
  });

  it("at an address is waited for, found lost after calls that met nobody, and found again", async () => {
    const port = await freePort();
    const start = () => spawn(process.execPath, [file], { env: { PORT: String(port) }, stdio: "ignore" });
    const processes: ProcessSpec[] = [{ name: "team", kind: "url", url: `http://127.0.0.1:${port}`, env: {} }];
    const specs = [plugin("mine", { placement: "remote" })];
    host = await createTestHost({ specs, processes, timing, random: () => 1 });
    await host.runtime.start(1);
    expect((await host.reach("mine", "backoff")).pid).toBeUndefined();
    let child = start();
    try {
      await host.reach("mine", "active");
      expect(await host.outcome("mine")).toMatchObject({ kind: "scored" });
      child.kill("SIGKILL");
      await until(
        () => {
          void host!.outcome("mine");
          return host!.status("mine").state === "backoff";
        },
        () => "its loss went unnoticed",
      );
      child = start();
      await host.reach("mine", "active");
      expect(host.status("mine").restarts).toBe(1);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
