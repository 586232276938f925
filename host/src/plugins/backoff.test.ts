import { describe, expect, it } from "vitest";
import { createBackoff, createStrikes } from "./backoff.ts";
import { defaultTiming } from "./plugin-timing.ts";

describe("backoff", () => {
  it("doubles its cap from 0.1 s and stops at 30 s", () => {
    const backoff = createBackoff(defaultTiming, () => 1);
    const delays = Array.from({ length: 11 }, () => backoff.nextDelayMs());
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  });

  it("spreads over the whole range below its cap", () => {
    const backoff = createBackoff(defaultTiming, () => 0);
    expect([backoff.nextDelayMs(), backoff.nextDelayMs()]).toEqual([0, 0]);
  });

  it("begins again after a reset", () => {
    const backoff = createBackoff(defaultTiming, () => 1);
    backoff.nextDelayMs();
    backoff.nextDelayMs();
    backoff.reset();
    expect(backoff.nextDelayMs()).toBe(100);
  });
});

describe("strikes", () => {
  const cases = [
    { title: "calls the limit within the window", times: [0, 1, 2], want: [false, false, true] },
    { title: "forgets what is older than the window", times: [0, 1, 100, 101], want: [false, false, false, false] },
    { title: "slides", times: [0, 60, 120, 130], want: [false, false, false, true] },
  ];
  for (const { title, times, want } of cases) {
    it(title, () => {
      const strikes = createStrikes(3, 100);
      expect(times.map((time) => strikes.add(time))).toEqual(want);
    });
  }
});
