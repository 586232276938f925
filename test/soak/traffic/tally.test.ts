import { describe, expect, it } from "vitest";
import { createWeather, type Storm } from "../weather.ts";
import { aborted, bad, badStatus, well } from "./ending.ts";
import { createTally } from "./tally.ts";

const longAgoMs = -1e9;

describe("a request", () => {
  const cases = [
    { title: "that ends as it should counts as well", ending: well, storm: undefined, want: "well" },
    { title: "whose client left counts as aborted", ending: aborted, storm: undefined, want: "aborted" },
    { title: "that is cut in calm weather counts as failed", ending: bad("cut", ""), storm: undefined, want: "failed" },
    { title: "that is cut while a server resets counts as hit", ending: bad("cut", ""), storm: "reset", want: "hit" },
    { title: "that is cut while a server answers 500 failed", ending: bad("cut", ""), storm: "errors", want: "failed" },
    { title: "that sees a 500 then counts as hit", ending: badStatus(500, ""), storm: "errors", want: "hit" },
    { title: "that sees another body failed in any storm", ending: bad("content", ""), storm: "gone", want: "failed" },
  ] as const;
  for (const { title, ending, storm, want } of cases) {
    it(title, () => {
      const weather = createWeather();
      if (storm !== undefined) weather.begin(storm satisfies Storm);
      const tally = createTally(weather);
      tally.add("a kind", ending, performance.now());
      expect(tally.counts).toEqual({ well: 0, aborted: 0, hit: 0, failed: 0, [want]: 1 });
      expect([...tally.failures.values()]).toEqual(want === "failed" ? [1] : []);
    });
  }

  it("that began before a storm ended is weighed against it, and no later one", () => {
    const weather = createWeather();
    weather.begin("reset");
    weather.end("reset");
    const tally = createTally(weather);
    tally.add("a kind", bad("cut", ""), longAgoMs);
    tally.add("a kind", bad("cut", ""), performance.now() + 1e9);
    expect(tally.counts).toMatchObject({ hit: 1, failed: 1 });
  });
});
