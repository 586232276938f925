import { describe, expect, it } from "vitest";
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
