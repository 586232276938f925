import { describe, expect, it } from "vitest";
import { CallTimesRing, DurationCounts } from "./call-times.ts";

describe("counted durations", () => {
  const cases = [
    { title: "gives nothing where there were none", added: [], want: undefined },
    { title: "takes 0 as the shortest", added: [0], want: { p50Us: 1, p99Us: 1 } },
    { title: "takes an hour as a minute", added: [3.6e9], want: { p50Us: 6.7e7, p99Us: 6.7e7 } },
    {
      title: "tells the middle from the tail",
      added: Array.from({ length: 100 }, (_, i) => (i < 98 ? 100 : 5_000)),
      want: { p50Us: 100, p99Us: 5_000 },
    },
  ];
  for (const { title, added, want } of cases) {
    it(title, () => {
      const counts = new DurationCounts();
      for (const us of added) counts.add(us);
      const found = counts.quantiles();
      if (want === undefined) expect(found).toBeUndefined();
      else {
        expect(Math.abs(found!.p50Us / want.p50Us - 1)).toBeLessThan(0.05);
        expect(Math.abs(found!.p99Us / want.p99Us - 1)).toBeLessThan(0.05);
      }
    });
  }

  it("is off by 5 % at most", () => {
    for (let us = 1; us < 1e7; us *= 1.37) {
      const counts = new DurationCounts();
      counts.add(us);
      expect(Math.abs(counts.quantiles()!.p50Us / us - 1)).toBeLessThan(0.05);
    }
  });
});

describe("the times of a plugin's calls", () => {
  it("keeps parts apart", () => {
    const times = new CallTimesRing();
    times.add("call", 400, 0);
    times.add("plugin", 100, 0);
    const { call, host, plugin } = times.read(1);
    expect([call!.p50Us > 380, plugin!.p50Us < 110, host]).toEqual([true, true, undefined]);
  });

  it("forgets after a minute or so, however long nobody looked", () => {
    const times = new CallTimesRing();
    times.add("call", 100, 5_000);
    expect(times.read(60_000).call).toBeDefined();
    expect(times.read(80_000).call).toBeUndefined();
    times.add("call", 100, 80_000);
    expect(times.read(3_600_000).call).toBeUndefined();
    times.add("call", 100, 3_600_001);
    expect(times.read(3_600_002).call).toBeDefined();
  });
});
