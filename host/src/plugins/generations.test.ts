import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import type { PluginTiming } from "./plugin-timing.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** What the scripted process reads at its next start. */
function settings(): { readonly SETTINGS: string; set(next: Record<string, string>): void } {
  const file = join(tmpdir(), `outrider-settings-${randomUUID()}.json`);
  return { SETTINGS: file, set: (next) => writeFileSync(file, JSON.stringify(next)) };
}

/** One plugin named `mine` of the scripted process, started; `set` says what its next generation is like. */
async function run(env: Record<string, string> = {}, options: Partial<TestHostOptions> = {}) {
  const { SETTINGS, set } = settings();
  const timing = { ...quick, shadowMs: 300, ...options.timing };
  const processes = [scripted({ SETTINGS, ...env })];
  host = await createTestHost({ specs: [plugin("mine")], processes, ...options, timing });
  await host.runtime.start(15_000);
  return { ...host, set, host };
}

/** Decides one request after the other until it is told to stop; resolves with the reasons, `""` where there was none. */
function load({ decide }: TestHost): { stop(): Promise<string[]>; readonly reasons: string[] } {
  const reasons: string[] = [];
  let isStopped = false;
  const loop = async () => {
    while (!isStopped) {
      const { scorers } = (await decide(["mine"])).profiles[0]!;
      const outcome = scorers[0]!;
      reasons.push(outcome.kind === "scored" ? outcome.reason : "");
      // A generation that starts on a busy machine must not fall so far behind that it sheds.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return reasons;
  };
  const done = Promise.all([loop(), loop()]);
  return {
    reasons,
    async stop() {
      isStopped = true;
      await done;
      return reasons;
    },
  };
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 60_000 };

describe("an upgrade", slow, () => {
  it("swaps when both were asked 200 times; no decision goes without an answer", async () => {
    const { host, runtime, status, set } = await run({ VERSION: "1.0.0" }, { timing: { shadowMs: 60_000 } });
    const { pid } = status("mine");
    set({ VERSION: "2.0.0" });
    const calls = load(host);
    const scorer = runtime.scorer("mine");
    const comparison = await runtime.upgrade("mine");
    const after = calls.reasons.length;
    await until(
      () => calls.reasons.length > after + 20,
      () => "no further decisions",
    );
    const reasons = await calls.stop();
    expect(comparison).toMatchObject({ name: "team", generation: 2, agreement: 1 });
    expect(comparison.calls).toBeGreaterThanOrEqual(200);
    expect([comparison.before!.p50Us > 0, comparison.after!.p99Us > 0]).toEqual([true, true]);
    expect(new Set(reasons).size).toBe(2);
    expect(reasons).not.toContain("");
    expect(runtime.scorer("mine")).toBe(scorer);
    expect(status("mine")).toMatchObject({ state: "active", generation: 2, pluginVersion: "2.0.0", restarts: 0 });
    await until(
      () => !isAlive(pid!),
      () => "the first generation lives on",
    );
  });

  it("waits for its time where there are no calls", async () => {
    const { runtime, status } = await run();
    const { pid } = status("mine");
    const comparison = await runtime.upgrade("team");
    expect(comparison).toEqual({ name: "team", generation: 2, calls: 0, agreement: Number.NaN });
    expect(status("mine")).toMatchObject({ state: "active", generation: 2 });
    expect(status("mine").pid).not.toBe(pid);
  });

  it("hands on what was learned, after the swap", async () => {
    const { host, runtime } = await run({ FEATURES: "handoff" });
    await runtime.upgrade("mine");
    const handed = () => host.traced().find(({ handoff }) => handoff !== undefined);
    await until(
      () => handed() !== undefined,
      () => "nothing was handed on",
    );
    const [first, second] = host.traced().filter(({ hello }) => hello !== undefined);
    expect(handed()).toEqual({ boot: second!.boot, handoff: `learned by ${first!.boot}` });
  });

  it("says where the best candidates are others", async () => {
    const { host, runtime, set } = await run({}, { timing: { shadowMs: 10_000 } });
    set({ MODE: "reverses" });
    const calls = load(host);
    const { agreement } = await runtime.upgrade("mine");
    await calls.stop();
    expect(agreement).toBe(0);
  });

  it("is seen in the plugin's events, each generation by its number", async () => {
    const { runtime, status } = await run();
    await runtime.upgrade("mine");
    await until(
      () => status("mine").events.some(({ to }) => to === "stopped"),
      () => "the first generation did not end",
    );
    const edges = status("mine").events.map(({ generation, from, to }) => `${generation}: ${from} ${to}`);
    const start = ["discovered starting", "starting handshaking", "handshaking configuring", "configuring syncing"];
    for (const generation of [1, 2]) {
      for (const edge of [...start, "syncing shadow", "shadow active"])
        expect(edges).toContain(`${generation}: ${edge}`);
    }
    expect(edges.slice(-3)).toEqual(["2: shadow active", "1: active draining", "1: draining stopped"]);
  });

  const done = { kind: "done", slot: 1, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;

  it("ends for the old one what it hears no more of; the new one hears of its shadow calls, once", async () => {
    const { host, runtime, decide } = await run({ NEEDS: "events.picked,events.done" });
    const before = (await decide(["mine"])).profiles[0]!.scorers[0]!.callId;
    const upgrade = runtime.upgrade("mine");
    await until(
      () => hasShadow(host),
      () => "no second generation in shadow",
    );
    const both = (await decide(["mine"])).profiles[0]!.scorers[0]!.callId;
    const { feedback } = runtime.scorer("mine");
    feedback!({
      kind: "picked",
      callId: before,
      slot: 2,
      atMs: 1,
      ownScore: 1,
      totalScore: 1,
      fallback: false,
      promptTokens: 1,
      picks: [],
    });
    await upgrade;
    const after = (await decide(["mine"])).profiles[0]!.scorers[0]!.callId;
    for (const callId of [before, both, after, both])
      feedback!({ ...done, callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
    const [first, second] = host
      .traced()
      .filter(({ hello }) => hello !== undefined)
      .map(({ boot }) => boot);
    const ended = (boot: unknown) => host.traced().filter((line) => line.boot === boot && line.event === "done");
    await until(
      () => ended(first).length === 2 && ended(second).length === 2,
      () => `events: ${JSON.stringify(host.traced())}`,
    );
    expect(ended(first)).toMatchObject([
      { callId: before, cause: "unknown", slot: 2 },
      { callId: both, cause: "never_sent" },
    ]);
    expect(ended(second)).toMatchObject([
      { callId: both, cause: "ok" },
      { callId: after, cause: "ok" },
    ]);
  });

  interface Refusal {
    readonly title: string;
    readonly next: Record<string, string>;
    readonly message: RegExp;
    readonly timing?: Partial<PluginTiming>;
    readonly isAsked?: boolean;
  }

  const refusals: readonly Refusal[] = [
    { title: "exits at once", next: { MODE: "exits" }, message: /exited with code 7/ },
    {
      title: "listens nowhere",
      next: { MODE: "listens-nowhere" },
      message: /listens neither on/,
      timing: { startupMs: 3_000 },
    },
    {
      title: "never answers the handshake",
      next: { MODE: "silent" },
      message: /no answer to hello within/,
      timing: { handshakeMs: 500 },
    },
    {
      title: "acknowledges no state",
      next: { MODE: "no-acks" },
      message: /acknowledged no state within/,
      timing: { syncMs: 500 },
    },
    { title: "speaks something else", next: { MODE: "garbage" }, message: /Protocol error/ },
    { title: "does not know the token", next: { MODE: "refuses" }, message: /unauthenticated/ },
    { title: "serves other types", next: { TYPES: "news" }, message: /serves no type slots; it serves news/ },
    {
      title: "needs what it is not granted",
      next: { NEEDS: "request.prompt_text!" },
      message: /grant: \[request.prompt/,
    },
    { title: "crashes when it is asked", next: { MODE: "crashes" }, message: /exited with code 9/, isAsked: true },
    { title: "answers nothing", next: { MODE: "hang" }, message: /it answered 0 of \d+ calls/, isAsked: true },
    { title: "answers with errors", next: { MODE: "error" }, message: /it answered 0 of \d+ calls/, isAsked: true },
    { title: "answers NaN", next: { MODE: "nan" }, message: /3 answers against the contract/, isAsked: true },
  ];
  for (const { title, next, message, timing = {}, isAsked = false } of refusals) {
    it(`is refused where the new generation ${title}; the old one goes on`, async () => {
      const { host, runtime, status, outcome, set } = await run(
        {},
        { timing: isAsked ? { shadowMs: 10_000 } : timing },
      );
      const { pid } = status("mine");
      const scored = await outcome("mine");
      set(next);
      const calls = isAsked ? load(host) : undefined;
      const error = await runtime.upgrade("mine").catch((cause) => cause);
      const reasons = (await calls?.stop()) ?? [];
      expect(error.code).toBe("PLUGIN_REJECTED");
      expect(error.message).toMatch(/^generation 2 of team does not take over: /);
      expect(error.message).toMatch(message);
      expect(reasons).not.toContain("");
      expect(status("mine")).toMatchObject({ state: "active", generation: 1, pid, message: "" });
      expect(await outcome("mine")).toMatchObject({ kind: "scored", reason: (scored as { reason: string }).reason });
    });
  }

  it("brings back a plugin in quarantine, without anything to compare", async () => {
    const { host, runtime, status, outcome, set } = await run({ MODE: "nan" });
    for (let call = 0; call < 3; call += 1) await outcome("mine");
    await host.reach("mine", "quarantined");
    set({ MODE: "ok" });
    expect((await runtime.upgrade("mine")).calls).toBe(0);
    expect(status("mine")).toMatchObject({ state: "active", generation: 2 });
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });

  it("goes one at a time, and only for what is no code of the host's", async () => {
    const { runtime } = await run();
    const first = runtime.upgrade("mine");
    await expect(runtime.upgrade("mine")).rejects.toThrow(/another change is under way/);
    await first;
    await expect(runtime.upgrade("nobody")).rejects.toThrow(/no plugin and no process is named nobody/);
  });

  it("ends with the host", async () => {
    const { host, runtime, status } = await run({}, { timing: { shadowMs: 60_000 } });
    const { pid } = status("mine");
    const upgrade = runtime.upgrade("mine").catch((cause) => cause);
    await until(
      () => hasShadow(host),
      () => "no second generation in shadow",
    );
    await runtime.stop();
    expect(await upgrade).toMatchObject({ code: "PLUGIN_REJECTED" });
    expect([isAlive(pid!), status("mine").state]).toEqual([false, "stopped"]);
  });
});

/** Whether the second generation is asked beside the first. */
function hasShadow(host: TestHost): boolean {
  return host.status("mine").events.some(({ generation, to }) => generation === 2 && to === "shadow");
}
