import { expect, it } from "vitest";
import { createEngineClock } from "./engine-clock.ts";

it("runs at its scale and stands still while paused", () => {
  let realMs = 1000;
  const clock = createEngineClock(0.1, () => realMs);
  realMs += 5;
  expect(clock.nowMs()).toBeCloseTo(50);
  expect(clock.untilMs(150)).toBeCloseTo(10);
  clock.setPaused(true);
  clock.setPaused(true);
  realMs += 500;
  expect(clock.nowMs()).toBeCloseTo(50);
  expect(clock.untilMs(150)).toBe(Number.POSITIVE_INFINITY);
  clock.setPaused(false);
  realMs += 1;
  expect(clock.nowMs()).toBeCloseTo(60);
});
