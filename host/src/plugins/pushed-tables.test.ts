import { afterEach, describe, expect, it } from "vitest";
import { addEndpoint, createTestHost, plugin, scripted, type TestHost, until } from "./fixtures/harness.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function run(env: Record<string, string>, syncMs = 20_000): Promise<TestHost> {
  const processes = [scripted({ TABLE_TTL_MS: "60000", ...env })];
  host = await createTestHost({ specs: [plugin("mine")], processes, timing: { syncMs } });
  await host.runtime.start(15_000);
  return host;
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 40_000 };

describe("a plugin that sends tables of its scores", slow, () => {
  it("that are wrong is put in quarantine for the third, and the request goes on without it", async () => {
    const { reach, table, publish, outcome, status } = await run({ MODE: "nan" }, 200);
    expect(await outcome("mine")).toMatchObject({ kind: "failed", error: { message: /no score table yet/ } });
    for (const slot of [3, 4]) {
      addEndpoint(table, slot);
      publish();
    }
    const { message } = await reach("mine", "quarantined");
    expect(message).toMatch(/3 answers against the contract .*last: .*a score table with the score NaN/);
    expect(status("mine").offendingFrame?.length).toBeGreaterThan(0);
  });

  it("of another epoch has them ignored and counted", async () => {
    const { outcome, registry, status } = await run({ MODE: "old-epoch" }, 200);
    expect(await outcome("mine")).toMatchObject({ error: { message: expect.stringMatching(/no score table yet/) } });
    expect(await registry.metrics()).toMatch(/outrider_plugin_tables_ignored_total\{plugin="mine"\} 1/);
    expect(status("mine")).toMatchObject({ state: "active", violations: 0 });
  });

  it("is never asked, and has scores from the first request on", async () => {
    const { outcome, status, traced, runtime } = await run({ NEEDS: "waiting_requests,events.done" });
    const scored = await outcome("mine");
    expect(scored).toMatchObject({ kind: "scored", scores: Float32Array.of(1 / 32, 2 / 32, 3 / 32) });
    expect(status("mine")).toMatchObject({ profile: "push", inFlight: 0 });
    runtime.scorer("mine").feedback?.({ kind: "done", callId: 1, slot: 0, atMs: 1 } as never);
    await runtime.stop();
    expect(traced().filter((line) => "asked" in line || "event" in line)).toEqual([]);
  });

  it("is without scores when its table has expired, and is not asked then either", async () => {
    const { outcome, traced } = await run({ TABLE_TTL_MS: "1" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await outcome("mine")).toMatchObject({
      kind: "failed",
      error: { code: "SCORER_UNAVAILABLE", message: expect.stringMatching(/mine: its score table has expired/) },
    });
    expect(traced().filter((line) => "asked" in line)).toEqual([]);
  });

  it("is not waited for longer than for a first state", async () => {
    const { outcome, reach, logs, table, publish } = await run({ TABLES_HELD_BACK: "1" }, 200);
    await reach("mine", "active");
    expect(logs.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/sent no score table within 200 ms/));
    addEndpoint(table, 3);
    publish();
    await until(
      () => host !== undefined && host.status("mine").revLag === 0,
      () => "no acknowledgement",
    );
    await expect.poll(() => outcome("mine"), { timeout: 5_000 }).toMatchObject({ kind: "scored" });
  });
});
