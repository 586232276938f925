import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import {
  command,
  createTestHost,
  plugin,
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

/** One plugin named `mine` of the scripted process, and one of a well-behaved process beside it. */
async function run(env: Record<string, string> = {}, options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  host = await createTestHost({ specs: [plugin("mine")], processes: [scripted(env)], ...options });
  await host.runtime.start(options.timing?.startupMs ?? 15_000);
  return host;
}

const quick = { backoffMinMs: 10, backoffMaxMs: 200, killMs: 200, drainMs: 500 };

/** Lines that the scripted plugin has written. */
function traced({ traceFile }: TestHost): Record<string, unknown>[] {
  if (!existsSync(traceFile)) return [];
  return readFileSync(traceFile, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
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

describe("a plugin process", slow, () => {
  it("rates candidates; whoever it leaves out of the table is attributed to nobody else", async () => {
    const { outcome, table, publish, status } = await run();
    const answer = await outcome("mine");
    expect(answer).toMatchObject({ kind: "scored", reason: expect.stringMatching(/^boot \d+/) });
    expect([...answer.scores]).toEqual([1 / 64, 2 / 64, 3 / 64]);
    table.remove("vllm-1");
    publish();
    expect([...(await outcome("mine")).scores]).toEqual([1 / 64, 3 / 64]);
    expect(status("mine")).toMatchObject({ state: "active", profile: "session", restarts: 0 });
  });

  it("gets no environment of the host's but what is listed, and what is configured", async () => {
    process.env.OUTRIDER_TEST_SECRET = "x";
    const names = ["OUTRIDER_TEST_SECRET", "MODE", "PATH", "OUTRIDER_PLUGIN_TOKEN", "PORT"];
    const script = `const e = process.env; console.log(${JSON.stringify(names)}.filter((name) => name in e).join())`;
    const processes = [{ ...command(process.execPath, "-e", script), env: { MODE: "fast" } }];
    host = await createTestHost({ specs: [plugin("mine")], processes, timing: quick });
    await host.runtime.start(10_000);
    delete process.env.OUTRIDER_TEST_SECRET;
    const line = host.logs.find(({ stream }) => stream === "stdout");
    expect(line).toMatchObject({ msg: "MODE,PATH,OUTRIDER_PLUGIN_TOKEN,PORT", process: "team" });
  });

  it("fails at its path when it needs what it is not granted; its neighbours in the process run", async () => {
    const specs = [
      plugin("greedy", { path: "plugins[0]" }),
      plugin("allowed", { path: "plugins[1]", grant: [{ key: "request.block_hashes" }] }),
    ];
    const { status, runtime } = await run({ NEEDS: "request.block_hashes!,request.id" }, { specs });
    expect(status("greedy")).toMatchObject({
      state: "failed",
      message:
        'request.block_hashes is only granted by the operator: write "grant: [request.block_hashes]" at plugins[0]',
    });
    expect(status("allowed")).toMatchObject({ state: "active", granted: ["request.block_hashes"] });
    expect(runtime.granted).toMatchObject([{ key: "request.block_hashes", blockSizeTokens: 64 }]);
  });

  it("fails the instance whose parameters it refuses, and the type it does not serve", async () => {
    const specs = [
      plugin("bad", { parameters: { bad: 1 }, path: "plugins[0]" }),
      plugin("good", { parameters: { fine: 1 }, path: "plugins[1]" }),
      plugin("unknown", { type: "nothing", path: "plugins[2]" }),
    ];
    const { status, outcome } = await run({}, { specs });
    expect(status("bad")).toMatchObject({ state: "failed", message: "plugins[0].parameters.bad: is no parameter" });
    expect(status("unknown").message).toBe("team serves no type nothing; it serves slots, others, counts");
    expect(await outcome("good")).toMatchObject({ kind: "scored" });
  });

  it("that is not ready gets no calls", async () => {
    const { outcome, reach, runtime } = await run({ MODE: "unready" }, { specs: [plugin("mine", { required: true })] });
    expect((await reach("mine", "degraded")).message).toBe("not ready: loading");
    expect((await outcome("mine")).kind).not.toBe("scored");
    expect(runtime.missingRequired()).toEqual(["mine"]);
  });

  it("gets exactly one done per call that was put to it, and none of one that was not", async () => {
    const needs = { NEEDS: "events.picked,events.done", MODE: "hang", CREDIT: "1" };
    const { outcome, runtime } = await run(needs);
    const [put, shed] = [await outcome("mine", 10), await outcome("mine", 10)];
    const { feedback } = runtime.scorer("mine");
    const end = { kind: "done", slot: 1, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;
    for (const { callId } of [put, shed, put, { callId: 4711 }]) {
      feedback!({ ...end, callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
      feedback!({ kind: "progress", callId, slot: 1, atMs: 1, chunks: 1, outputTokens: 1, elapsedMs: 1 });
    }
    const events = () => traced(host!).filter(({ event }) => event !== undefined);
    await until(
      () => events().length > 0,
      () => "no event arrived",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events()).toMatchObject([{ event: "done", callId: put.callId, slot: 1, instance: 1 }]);
  });

  it("that hangs up is connected again; it learns how the calls of the lost connection ended", async () => {
    const { outcome, runtime, reach, status } = await run(
      { MODE: "hangs-up", NEEDS: "events.done" },
      { timing: quick },
    );
    const { pid } = status("mine");
    const lost = await outcome("mine");
    expect(lost).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
    const end = { kind: "done", slot: 1, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;
    runtime.scorer("mine").feedback!({ ...end, callId: lost.callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
    await reach("mine", "active");
    const events = () => traced(host!).filter(({ event }) => event !== undefined);
    await until(
      () => events().length > 0,
      () => "the event is lost",
    );
    expect(events()).toMatchObject([{ event: "done", callId: lost.callId }]);
    expect(status("mine")).toMatchObject({ pid, restarts: 0 });
  });

  it("that is restarted is told what is in flight, not how calls ended that it cannot know", async () => {
    const { outcome, runtime, table, reach, status } = await run({ NEEDS: "events.done" }, { timing: quick });
    const { callId } = await outcome("mine");
    table.inflight.requests[2] = 5;
    process.kill(-status("mine").pid!, "SIGKILL");
    await until(
      () => status("mine").restarts === 1,
      () => "it was not started again",
    );
    await reach("mine", "active");
    const end = { kind: "done", slot: 1, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;
    runtime.scorer("mine").feedback!({ ...end, callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
    const repairs = () => traced(host!).flatMap(({ inflight }) => (inflight === undefined ? [] : [inflight]));
    await until(
      () => repairs().length === 2,
      () => "no counts arrived",
    );
    expect(repairs()).toEqual([[], [[2, 5]]]);
    expect(traced(host!).filter(({ event }) => event !== undefined)).toEqual([]);
  });

  it("produces data that scorers and records see; asked for scores it fails", async () => {
    const { decide, outcome, runtime } = await run(
      {},
      { specs: [plugin("counts", { type: "counts" }), plugin("mine")] },
    );
    expect(runtime.producer("counts").produces).toEqual(["data.uncached_tokens"]);
    const { producers } = await decide(["mine"], { producers: ["counts"] });
    expect(producers).toMatchObject([{ name: "counts", kind: "scored", values: [Float32Array.of(0, 1, 2)] }]);
    expect(await outcome("counts")).toMatchObject({ kind: "failed", error: { message: "counts is a producer" } });
  });

  it("is active over a table without endpoints", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [scripted()] }, 0);
    await host.runtime.start(15_000);
    expect(host.status("mine")).toMatchObject({ state: "active", revLag: 0 });
  });

  it("is restarted when it is killed; meanwhile its calls fail at once", async () => {
    const { outcome, reach, status, runtime } = await run(
      {},
      { timing: { ...quick, backoffMinMs: 200, backoffMaxMs: 200 } },
    );
    const first = await outcome("mine");
    process.kill(-status("mine").pid!, "SIGKILL");
    await reach("mine", "backoff");
    const started = performance.now();
    expect(await outcome("mine")).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
    expect(performance.now() - started).toBeLessThan(200);
    await reach("mine", "active");
    const second = await outcome("mine");
    expect(second).toMatchObject({ kind: "scored" });
    expect(second).not.toMatchObject({ reason: (first as { reason: string }).reason });
    expect([status("mine").restarts, runtime.missingRequired()]).toEqual([1, []]);
  });

  it("that is stopped by SIGSTOP is late and harms nobody, and is well after SIGCONT", async () => {
    const specs = [plugin("mine"), plugin("other", { process: "beside" })];
    const processes = [scripted(), scripted({}, "beside")];
    const { decide, status, reach } = await run({}, { specs, processes, timing: { degradedMs: 200 } });
    const { pid } = status("mine");
    process.kill(-pid!, "SIGSTOP");
    const record = await decide(["mine", "other"], { budgetMs: 50 });
    expect(record.profiles[0]!.scorers.map(({ kind }) => kind)).toEqual(["late", "scored"]);
    await reach("mine", "degraded");
    process.kill(-pid!, "SIGCONT");
    await reach("mine", "active");
    expect(status("mine").restarts).toBe(0);
  });

  it("that stays stopped is ended and started again", async () => {
    const timing = { ...quick, degradedMs: 100, resyncMs: 300, handshakeMs: 300 };
    const { status, reach } = await run({}, { timing });
    const { pid } = status("mine");
    process.kill(-pid!, "SIGSTOP");
    await until(
      () => status("mine").restarts === 1,
      () => "it was not started again",
    );
    await reach("mine", "active");
    expect(isAlive(pid!)).toBe(false);
  });

  it("is drained, then ended", async () => {
    const { runtime, status } = await run();
    const { pid } = status("mine");
    await runtime.stop();
    expect(traced(host!).some(({ drain }) => drain === true)).toBe(true);
    expect([isAlive(pid!), status("mine").state]).toEqual([false, "stopped"]);
  });

  it("can be stopped while it starts", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [scripted({ MODE: "silent" })], timing: quick });
    const started = host.runtime.start(50);
    await started;
    const { pid } = host.status("mine");
    await host.runtime.stop();
    expect([pid === undefined || !isAlive(pid), host.status("mine").state]).toEqual([true, "stopped"]);
  });

  it("reports each edge of its life as a metric", async () => {
    const { registry } = await run();
    const text = await registry.getSingleMetricAsString("outrider_plugin_transitions_total");
    for (const edge of ["discovered", "starting", "handshaking", "configuring", "syncing", "shadow"]) {
      expect(text).toContain(`plugin="mine",from="${edge}"`);
    }
    expect(await registry.getSingleMetricAsString("outrider_plugin_state")).toContain(
      'plugin="mine",state="active"} 1',
    );
  });
});
