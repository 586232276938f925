import { plugins } from "outrider/plugins";
import { expect, it } from "vitest";
import { everything, everythingProducer } from "./fixtures/everything.ts";
import { placements, withEverything } from "./placements.ts";
import { createRecording } from "./recording.ts";
import { replay } from "./replay.ts";

const frameCount = 5_200;

it("records the same frames for the same seed", () => {
  expect(createRecording(3, 300)).toEqual(createRecording(3, 300));
  expect(createRecording(4, 300)).not.toEqual(createRecording(3, 300));
});

it(`answers one recording alike, bit by bit, ${placements.join(", ")}`, async () => {
  const report = await replay(
    createRecording(11, frameCount),
    withEverything(plugins, [everything, everythingProducer]),
  );
  expect(report.differences).toEqual([]);
  expect(report.reconnects).toBe(2);
  expect(report.decisions).toBeGreaterThan(4_000);
  expect(report.reusedSlots).toBeGreaterThan(100);
  expect(report.vetoes).toBeGreaterThan(5_000);
  expect(report.events).toBeGreaterThan(10_000);
  expect(report.answers.scored).toBeGreaterThan(30_000);
  expect(report.answers.abstained).toBeGreaterThan(1_000);
  expect(report.answers.failed).toBeUndefined();
}, 600_000);
