import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  command,
  createTestHost,
  freePort,
  isAlive,
  plugin,
  quick,
  scripted,
  type TestHost,
  type TestHostOptions,
  until,
} from "./fixtures/harness.ts";
import type { ProcessSpec } from "./types.ts";

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
    const events = () => host!.traced().filter(({ event }) => event !== undefined);
    await until(
      () => events().length > 0,
      () => "no event arrived",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events()).toMatchObject([{ event: "done", callId: put.callId, slot: 1, instance: 1 }]);
  });

  it("is sent at once what it was told and what was published, where that is asked for", async () => {
    const { outcome, runtime, table, publish } = await run({ NEEDS: "events.done,waiting_requests" });
    const { callId } = await outcome("mine");
    let sent = 0;
    const stop = runtime.tap(({ direction }) => {
      sent += direction === "sent" ? 1 : 0;
    });
    await until(
      () => runtime.flush(),
      () => "the table that the tap asked for is not sent",
    );
    const before = sent;
    const end = { kind: "done", slot: 1, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;
    runtime.scorer("mine").feedback!({ ...end, callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
    table.setValue(1, "waiting_requests", 99, 1);
    publish();
    const published = sent;
    expect([published > before, runtime.flush(), sent]).toEqual([true, true, published + 1]);
    expect([runtime.flush(), sent]).toEqual([true, published + 1]);
    stop();
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
    const events = () => host!.traced().filter(({ event }) => event !== undefined);
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
    const { boot } = host!.traced().findLast(({ hello }) => hello !== undefined)!;
    const counts = () => host!.traced().filter((line) => line.boot === boot && line.inflight !== undefined);
    await until(
      () => counts().length > 0,
      () => "no counts arrived",
    );
    expect(counts()).toMatchObject([{ inflight: [[2, 5]] }]);
    expect(host!.traced().filter(({ event }) => event !== undefined)).toEqual([]);
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

  const addresses = [
    { kind: "unix:", variable: "OUTRIDER_PLUGIN_SOCKET", prefix: "unix:" },
    { kind: "h2c://", variable: "TCP_PORT", prefix: "h2c://127.0.0.1:" },
  ];
  for (const { kind, variable, prefix } of addresses) {
    it(`at ${kind} is no child of the host, and is found again when it returns`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "outrider-"));
      const place = kind === "unix:" ? join(folder, "plugin.sock") : String(await freePort());
      const spec = scripted({ [variable]: place }) as Extract<ProcessSpec, { kind: "command" }>;
      const start = () => {
        rmSync(place, { force: true });
        return spawn(spec.command[0]!, spec.command.slice(1), { env: { ...spec.env }, stdio: "ignore" });
      };
      let child = start();
      try {
        const processes: ProcessSpec[] = [{ name: "team", kind: "url", url: `${prefix}${place}`, env: {} }];
        host = await createTestHost({ specs: [plugin("mine", { placement: "remote" })], processes, timing: quick });
        await host.runtime.start(30_000);
        expect(await host.outcome("mine")).toMatchObject({ kind: "scored" });
        expect(host.status("mine")).toMatchObject({ state: "active", pid: undefined, restarts: 0 });
        child.kill("SIGKILL");
        child = start();
        await until(
          () => host!.status("mine").restarts === 1,
          () => "it was not found again",
        );
        expect(await host.outcome("mine")).toMatchObject({ kind: "scored" });
      } finally {
        child.kill("SIGKILL");
        rmSync(folder, { recursive: true });
      }
    });
  }

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
    expect(host!.traced().some(({ drain }) => drain === true)).toBe(true);
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

  it("shows where the time of its calls goes, to operators and as a metric", async () => {
    const { decide, status, registry } = await run({ PLUGIN_US: "200", MODE: "late", DELAY_MS: "5" });
    expect(status("mine").times).toEqual({ call: undefined, host: undefined, wire: undefined, plugin: undefined });
    for (let call = 0; call < 10; call += 1) await decide(["mine"]);
    const { call, host: hosts, wire, plugin: own } = status("mine").times;
    expect(call!.p50Us).toBeGreaterThan(4_000);
    expect(own!.p50Us / 200).toBeCloseTo(1, 0);
    expect(hosts!.p50Us + own!.p50Us).toBeLessThan(call!.p99Us);
    expect(wire!.p99Us).toBeLessThanOrEqual(call!.p99Us * 1.1);
    const text = await registry.getSingleMetricAsString("outrider_plugin_call_duration_seconds");
    for (const part of ["call", "host", "wire", "plugin"]) {
      expect(text).toContain(`outrider_plugin_call_duration_seconds_count{plugin="mine",part="${part}"} 10`);
    }
  });

  it("keeps the latest 32 edges of its life", async () => {
    const { status, reach } = await run({}, { timing: { ...quick, crashLimit: 100 } });
    for (let kill = 0; kill < 5; kill += 1) {
      const { pid } = await reach("mine", "active");
      process.kill(-pid!, "SIGKILL");
      await until(
        () => status("mine").restarts > kill,
        () => "it was not started again",
      );
    }
    await reach("mine", "active");
    const { events } = status("mine");
    expect(events.length).toBe(32);
    expect(events.at(-1)).toMatchObject({ generation: 1, from: "shadow", to: "active", message: "" });
    for (const [i, { from, atMs }] of events.entries()) {
      if (i === 0) continue;
      expect(from).toBe(events[i - 1]!.to);
      expect(atMs).toBeGreaterThanOrEqual(events[i - 1]!.atMs);
    }
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
