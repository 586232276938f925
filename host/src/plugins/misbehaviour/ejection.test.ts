import { describe, expect, it } from "vitest";
import type { TestHost } from "../fixtures/harness.ts";
import { until } from "../fixtures/harness.ts";
import { expectDecided, runBadPlugin, slow } from "./run-bad-plugin.ts";

/** Decides requests until the plugin is in a state. */
async function decideUntil(host: TestHost, state: string, budgetMs: number): Promise<void> {
  let isOver = false;
  const over = until(
    () => host.status("mine").state === state,
    () => `it is ${host.status("mine").state}, not ${state}`,
    30_000,
  ).finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  while (!isOver) {
    await Promise.all(Array.from({ length: 10 }, () => host.decide(["mine", "other"], { budgetMs })));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await over;
}

describe("a plugin that", slow, () => {
  it("fails five times in a row is ejected: its calls fail at once, and it is tried beside decisions", async () => {
    const host = await runBadPlugin({ MODE: "error" }, { timing: { ejectMs: 200 } });
    for (let call = 0; call < 5; call += 1) {
      expect(await expectDecided(host)).toMatchObject({ kind: "failed", error: { code: "SCORER_FAILED" } });
    }
    expect(host.status("mine")).toMatchObject({
      state: "ejected",
      message: expect.stringMatching(/^5 errors in a row, last: mine: internal: no idea; not asked for 0\.\d s$/),
      lastError: "SCORER_FAILED: mine: internal: no idea",
    });
    expect(await expectDecided(host)).toMatchObject({ kind: "failed", error: { code: "SCORER_EJECTED" } });
    await host.reach("mine", "shadow");
    const tried = await expectDecided(host);
    expect(tried).toMatchObject({ kind: "failed", error: { code: "SCORER_EJECTED" } });
    await decideUntil(host, "ejected", 500);
    expect(host.status("mine").message).toMatch(/^it did no better when it was tried: mine: internal: no idea/);
    expect(host.runtime.missingRequired()).toEqual([]);
  });

  it("answers nothing in time is ejected", async () => {
    const host = await runBadPlugin({ MODE: "hang", CREDIT: "100000" }, { budgetMs: 5 });
    await decideUntil(host, "ejected", 5);
    expect(host.status("mine").message).toMatch(/^\d+ % of its calls of the last 10 s missed their budget/);
    expect(await expectDecided(host)).toMatchObject({ kind: "failed", error: { code: "SCORER_EJECTED" } });
  });

  it("does well again comes back by twenty answers beside decisions", async () => {
    const host = await runBadPlugin({ MODE: "recovers" }, { timing: { ejectMs: 50 } });
    for (let call = 0; call < 5; call += 1) expect((await expectDecided(host)).kind).toBe("failed");
    await decideUntil(host, "active", 500);
    expect(await expectDecided(host)).toMatchObject({ kind: "scored" });
    const edges = host.status("mine").events.map(({ from, to }) => `${from} ${to}`);
    expect(edges.slice(-3)).toEqual(["active ejected", "ejected shadow", "shadow active"]);
    expect(host.status("mine").restarts).toBe(0);
  });

  it("is shed by its own credit is not ejected for it", async () => {
    const host = await runBadPlugin({ MODE: "hang", CREDIT: "1" });
    await expectDecided(host, 20);
    for (let call = 0; call < 100; call += 1) expect((await expectDecided(host)).kind).toBe("shed");
    expect(host.status("mine").state).toBe("active");
  });
});
