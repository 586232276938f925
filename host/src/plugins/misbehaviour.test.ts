import { afterEach, describe, expect, it } from "vitest";
import {
  command,
  createTestHost,
  isAlive,
  plugin,
  quick,
  scripted,
  type TestHost,
  type TestHostOptions,
  until,
} from "./fixtures/harness.ts";
import { inlineCatalogue } from "./fixtures/inline-definitions.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import type { PluginReport } from "./types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** One plugin named `mine` of the scripted process. */
async function run(env: Record<string, string> = {}, options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  host = await createTestHost({ specs: [plugin("mine")], processes: [scripted(env)], ...options });
  await host.runtime.start(options.timing?.startupMs ?? 15_000);
  return host;
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin process that misbehaves", slow, () => {
  const answers: { mode: string; title: string; kind: string; error?: string }[] = [
    { mode: "wrong-count", title: "a wrong count fails the call", kind: "failed", error: "SCORES_INVALID" },
    { mode: "nan", title: "NaN on the wire fails the call", kind: "failed", error: "SCORES_INVALID" },
    { mode: "error", title: "an error of its own fails the call", kind: "failed", error: "SCORER_FAILED" },
    { mode: "twice", title: "a second answer changes nothing", kind: "scored" },
    { mode: "unknown-calls", title: "an answer to no call changes nothing", kind: "scored" },
  ];
  for (const { mode, title, kind, error } of answers) {
    it(title, async () => {
      const { outcome, status } = await run({ MODE: mode });
      const answer = await outcome("mine");
      expect(answer).toMatchObject({ kind, ...(error === undefined ? {} : { error: { code: error } }) });
      expect(status("mine").state).toBe("active");
    });
  }

  for (const mode of ["wrong-count", "nan", "twice", "unknown-calls"]) {
    it(`is put in quarantine at its third ${mode} answer, with the frame kept`, async () => {
      const { outcome, reach, status } = await run({ MODE: mode }, { timing: quick });
      for (let call = 0; call < 3; call += 1) await outcome("mine");
      const { message, violations, offendingFrame } = await reach("mine", "quarantined");
      expect(message).toMatch(/3 answers against the contract within 60 s, last: /);
      expect([violations, offendingFrame!.length > 0]).toEqual([3, true]);
      expect(await outcome("mine")).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
      await until(
        () => status("mine").pid === undefined,
        () => "the process lives on",
      );
    });
  }

  it("is late, and only that, when it answers behind the bell", async () => {
    const { outcome, status } = await run({ MODE: "late", DELAY_MS: "80" });
    expect(await outcome("mine", 20)).toMatchObject({ kind: "late" });
    await until(
      () => status("mine").lateAnswers === 1,
      () => "no late answer was counted",
    );
    expect(status("mine")).toMatchObject({ state: "active", inFlight: 0 });
  });

  it("gets no call above its credit: that one is shed at once", async () => {
    const { outcome } = await run({ MODE: "hang", CREDIT: "2" });
    await Promise.all([outcome("mine", 10), outcome("mine", 10)]);
    const started = performance.now();
    expect(await outcome("mine", 1000)).toMatchObject({ kind: "shed" });
    expect(performance.now() - started).toBeLessThan(500);
  });

  it("closes no session by 3,000 expired calls", async () => {
    const { decide, status } = await run({ MODE: "late", DELAY_MS: "30", CREDIT: "256" });
    for (let round = 0; round < 30; round += 1) {
      await Promise.all(Array.from({ length: 100 }, () => decide(["mine"], { budgetMs: 2 })));
      await until(
        () => status("mine").inFlight === 0,
        () => "answers are missing",
      );
    }
    expect(status("mine")).toMatchObject({ restarts: 0, state: "active", lateAnswers: 3000 });
  });

  const opening: {
    mode: string;
    message: RegExp;
    state?: PluginReport["state"];
    timing?: Partial<PluginTiming>;
  }[] = [
    { mode: "silent", message: /3 ends within 120 s, last: .*hello/, timing: { handshakeMs: 300 } },
    { mode: "garbage", message: /3 answers against the contract.*Protocol error/ },
    { mode: "exits", message: /last: exited with code 7/ },
    { mode: "listens-nowhere", message: /last: listens neither on .*_SOCKET nor on PORT/, timing: { startupMs: 300 } },
    { mode: "no-acks", message: /last: acknowledged no state within 300 ms/, timing: { syncMs: 300 } },
    { mode: "refuses", message: /unauthenticated/, state: "failed" },
  ];
  for (const { mode, message, state = "quarantined", timing } of opening) {
    it(`ends ${state} when it ${mode}; the host runs on`, async () => {
      host = await createTestHost({
        specs: [plugin("mine"), plugin("other", { type: "listener", placement: "inline", process: undefined })],
        processes: [scripted({ MODE: mode })],
        catalogue: inlineCatalogue,
        timing: { ...quick, crashLimit: 3, ...timing },
      });
      await host.runtime.start(30_000);
      expect(host.status("mine")).toMatchObject({ state, message: expect.stringMatching(message) });
      expect(await host.outcome("other")).toMatchObject({ kind: "scored" });
      await until(
        () => host!.status("mine").pid === undefined,
        () => "the process lives on",
      );
    });
  }

  it("says that a command does not exist", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [command("/no/such/program")], timing: quick });
    await host.runtime.start(10_000);
    expect((await host.reach("mine", "quarantined")).message).toMatch(/cannot be started: no such command/);
  });

  it("that forks and exits leaves nothing behind", async () => {
    const script = "sleep 300 & echo child $!; exit 0";
    host = await createTestHost({ specs: [plugin("mine")], processes: [command("sh", "-c", script)], timing: quick });
    await host.runtime.start(10_000);
    await host.reach("mine", "quarantined");
    const pids = host.logs.filter(({ msg }) => msg.startsWith("child ")).map(({ msg }) => Number(msg.slice(6)));
    expect(pids.length).toBe(5);
    await until(
      () => !pids.some(isAlive),
      () => "a forked process lives on",
    );
  });

  it("that ignores SIGTERM is killed", async () => {
    const { runtime, status } = await run({ MODE: "ignores-sigterm" }, { timing: quick });
    const { pid } = status("mine");
    await runtime.stop();
    expect(isAlive(pid!)).toBe(false);
    expect(status("mine").state).toBe("stopped");
  });

  it("that floods stderr harms neither calls nor log", async () => {
    const { decide, logs, registry } = await run({ MODE: "floods" });
    for (let call = 0; call < 50; call += 1) {
      expect((await decide(["mine"])).profiles[0]!.scorers[0]!.kind).toBe("scored");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const dropped = /dropped_bytes_total\{process="team"\} (\d+)/;
    const text = await registry.getSingleMetricAsString("outrider_plugin_log_dropped_bytes_total");
    expect(Number(dropped.exec(text)![1])).toBeGreaterThan(1_000_000);
    expect(logs.filter(({ stream }) => stream === "stderr").length).toBeLessThan(3000);
  });
});
