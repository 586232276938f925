import { describe, expect, it } from "vitest";
import { until } from "../fixtures/harness.ts";
import { counted, expectDecided, processEnded, runBadPlugin, slow } from "./run-bad-plugin.ts";

interface BadAnswer {
  readonly title: string;
  readonly mode: string;
  /** What the call gets. */
  readonly kind: "failed" | "scored";
  readonly error?: string;
  /** What the operator reads after the third. */
  readonly message: RegExp;
}

/** Three of each within a minute put the plugin in quarantine. */
const broken: readonly BadAnswer[] = [
  {
    title: "gives one score too many",
    mode: "wrong-count",
    kind: "failed",
    error: "SCORES_INVALID",
    message: /last: mine: .*4/,
  },
  { title: "answers NaN", mode: "nan", kind: "failed", error: "SCORES_INVALID", message: /last: mine: .*NaN/ },
  {
    title: "answers on another epoch",
    mode: "wrong-epoch",
    kind: "failed",
    error: "PROTOCOL_VIOLATION",
    message: /last: mine used state \d+:\d+ for a call on \d+:\d+$/,
  },
  {
    title: "answers on older state",
    mode: "old-rev",
    kind: "failed",
    error: "PROTOCOL_VIOLATION",
    message: /last: mine used state \d+:0 for a call on \d+:1$/,
  },
  {
    title: "answers twice",
    mode: "twice",
    kind: "scored",
    message: /last: an answer to call \d+, which was never made/,
  },
  {
    title: "answers a call that was never made",
    mode: "unknown-calls",
    kind: "scored",
    message: /last: an answer to call 1000\d+, which was never made or is answered already$/,
  },
  {
    title: "answers 10 MB",
    mode: "huge",
    kind: "failed",
    error: "PROTOCOL_VIOLATION",
    message: /last: frame of 10\d+ bytes: at most 1048576 are accepted$/,
  },
];

describe("a plugin that", slow, () => {
  for (const { title, mode, kind, error, message } of broken) {
    it(`${title} harms its own answer alone; the third time it is put in quarantine, with the frame kept`, async () => {
      const host = await runBadPlugin({ MODE: mode });
      for (let call = 1; call <= 3; call += 1) {
        await host.reach("mine", "active");
        expect(await expectDecided(host, 2_000)).toMatchObject({
          kind,
          ...(error === undefined ? {} : { error: { code: error } }),
        });
        await until(
          () => host.status("mine").violations === call,
          () => `${host.status("mine").violations} of ${call} violations were counted`,
        );
      }
      const status = await host.reach("mine", "quarantined");
      expect(status.message).toMatch(/^3 answers against the contract within 60 s, last: /);
      expect(status.message).toMatch(message);
      expect(status.offendingFrame!.length).toBeGreaterThan(0);
      expect(status.offendingFrame!.length).toBeLessThanOrEqual(64 * 1024);
      if (error !== undefined) expect(status.lastError).toMatch(new RegExp(`^${error}: `));
      expect(await counted(host, "outrider_plugin_protocol_violations_total")).toBe(3);
      expect(await expectDecided(host)).toMatchObject({ kind: "failed", error: { code: "SCORER_UNAVAILABLE" } });
      await processEnded(host);
      expect(host.runtime.release("mine")).toBe(true);
      await host.reach("mine", "active");
    });
  }

  it("answers before it has said hello is counted, and serves", async () => {
    const host = await runBadPlugin({ MODE: "early" });
    expect(host.status("mine")).toMatchObject({ state: "active", violations: 1 });
    expect((await expectDecided(host)).kind).toBe("scored");
  });

  it("answers behind the bell is late, and only that", async () => {
    const host = await runBadPlugin({ MODE: "late", DELAY_MS: "150" });
    expect(await expectDecided(host, 20)).toMatchObject({ kind: "late" });
    await until(
      () => host.status("mine").lateAnswers === 1,
      () => "no late answer was counted",
    );
    expect(host.status("mine")).toMatchObject({ state: "active", inFlight: 0 });
    expect(await counted(host, "outrider_plugin_late_answers_total")).toBe(1);
  });

  it("has as many calls as its credit allows gets no further one: that is shed at once", async () => {
    const host = await runBadPlugin({ MODE: "hang", CREDIT: "2" });
    await Promise.all([expectDecided(host, 50), expectDecided(host, 50)]);
    expect(await expectDecided(host, 5_000)).toMatchObject({ kind: "shed", durationUs: expect.any(Number) });
    expect(host.status("mine").state).toBe("active");
  });

  it("lets 3,000 calls expire loses no session by it", async () => {
    const timing = { ejectMissShare: 1 };
    const host = await runBadPlugin({ MODE: "late", DELAY_MS: "30", CREDIT: "256" }, { timing });
    for (let round = 0; round < 30; round += 1) {
      await Promise.all(Array.from({ length: 100 }, () => host.decide(["mine"], { budgetMs: 2 })));
      await until(
        () => host.status("mine").inFlight === 0,
        () => "answers are missing",
      );
    }
    expect(host.status("mine")).toMatchObject({ restarts: 0, state: "active", lateAnswers: 3000 });
  });
});
