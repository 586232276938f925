import type { AnyScorerDefinition, ScoreCall } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineScorer } from "../define.ts";
import { queueDepth } from "../fixtures/queue-depth.ts";
import { childProcess, fakeCall, local, loopback, scorerContract } from "./index.ts";

const placements = {
  local,
  loopback,
  childProcess: childProcess(new URL("../fixtures/queue-depth-main.ts", import.meta.url)),
};

for (const [where, open] of Object.entries(placements)) {
  describe(`queue-depth, ${where}`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(queueDepth)), 20_000);

    it("scores by the queue", async () => {
      const scorer = await open(queueDepth, { saturation: 4 });
      const pool = [
        { waiting_requests: 1 },
        {},
        { waiting_requests: 2, inflight_requests: 1 },
        { waiting_requests: 9 },
      ];
      expect([...(await scorer.score(fakeCall({ pool })))]).toEqual([0.75, Number.NaN, 0.25, 0]);
      await scorer.close();
    }, 20_000);

    it("refuses parameters that do not fit, with every fault", async () => {
      await expect(open(queueDepth, { saturation: 0, depth: 1 })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringMatching(/saturation: .*depth|depth.*saturation: /),
      });
    }, 20_000);
  });
}

/** Rates by what it was told; hands it over. */
const favourite = defineScorer({
  type: "favourite",
  category: "affinity",
  state: "local",
  needs: ["events.picked"],
  config: z.unknown(),
  create: () => {
    const picks = new Map<number, number>();
    return {
      score({ candidates }, scores) {
        candidates.forEach((slot, i) => {
          scores[i] = Math.min(1, (picks.get(slot) ?? 0) / 10);
        });
      },
      feedback(event) {
        if (event.kind === "picked") picks.set(event.slot, (picks.get(event.slot) ?? 0) + 1);
      },
      handoff: () => Buffer.from(JSON.stringify([...picks])),
      restore(handoff) {
        for (const [slot, count] of JSON.parse(Buffer.from(handoff).toString())) picks.set(slot, count);
      },
    };
  },
});

/** A scorer of type `broken`. */
const broken = (score: (call: ScoreCall, scores: Float32Array) => void, more: Partial<AnyScorerDefinition> = {}) => ({
  ...defineScorer({
    type: "broken",
    category: "balance" as const,
    state: "none" as const,
    needs: [],
    config: z.unknown(),
    create: () => ({ score }),
  }),
  ...more,
});

/** Which of the contract a scorer breaks. */
async function brokenCases(definition: AnyScorerDefinition, open: typeof local): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { title, run } of scorerContract) await run(await open(definition)).catch(() => found.push(title));
  return found;
}

describe("the contract", () => {
  for (const [where, open] of Object.entries({ local, loopback })) {
    it(`is kept by a scorer that hands over what it has learned, ${where}`, async () => {
      expect(await brokenCases(favourite, open)).toEqual([]);
    });

    it(`is broken by one that forgets it, ${where}`, async () => {
      const forgetful = { ...favourite, create: () => ({ ...favourite.create({}), ...noRestore }) };
      expect(await brokenCases(forgetful, open)).toEqual([expect.stringContaining("in its successor")]);
    });

    it(`is broken by one that is not the same for every request, ${where}`, async () => {
      const asks = broken(({ request }, scores) => void scores.fill(request.promptTokens > 0 ? 1 : 0));
      expect(await brokenCases(asks, open)).toEqual([]);
      expect(await brokenCases({ ...asks, tableTtlMs: 1000 }, open)).toEqual([expect.stringContaining("tableTtlMs")]);
    });

    it(`is broken by scores out of range and by throwing, ${where}`, async () => {
      expect(
        await brokenCases(
          broken((_, scores) => void scores.fill(2)),
          open,
        ),
      ).toHaveLength(7);
    });
  }

  it("is broken by one that vetoes without asking to be allowed to", async () => {
    const vetoing = broken((call) => call.veto(0));
    expect(await brokenCases(vetoing, local)).toEqual([expect.stringContaining("vetoes")]);
    expect(await brokenCases({ ...vetoing, needs: ["veto"] }, local)).toEqual([]);
  });
});

const noRestore = { restore: () => {} };

it("a process that ends at once fails its test with what became of it", async () => {
  await expect(childProcess(new URL("../define.ts", import.meta.url))(queueDepth)).rejects.toMatchObject({
    code: "SCORER_UNAVAILABLE",
    message: "the process exited with code 0; it said: nothing",
  });
}, 20_000);
