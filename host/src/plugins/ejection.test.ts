import { describe, expect, it } from "vitest";
import { type CallEnd, Ejection } from "./ejection.ts";
import { createManualClock } from "./fixtures/manual-clock.ts";
import { defaultTiming, type PluginTiming } from "./plugin-timing.ts";

const budgetMs = 10;

function watch(timing: Partial<PluginTiming> = {}, random = () => 1) {
  const clock = createManualClock();
  const told: string[] = [];
  const events = {
    eject: (message: string) => void told.push(`eject: ${message}`),
    attempt: () => void told.push("attempt"),
    restore: () => void told.push("restore"),
  };
  const ejection = new Ejection({ timing: { ...defaultTiming, ...timing }, clock, budgetMs, random, events });
  const call = (end: CallEnd | "never") => {
    const putAtMs = clock.elapsedMs();
    ejection.put(putAtMs);
    if (end !== "never") ejection.ended(putAtMs, end, "no idea");
  };
  const probe = (end: CallEnd) => {
    const nowMs = clock.elapsedMs();
    if (ejection.mayProbe(nowMs, budgetMs)) ejection.probeEnded(nowMs + budgetMs, end, "no idea");
  };
  /** One call each 20 ms. */
  const load = (seconds: number, ends: (i: number) => CallEnd | "never") => {
    for (let i = 0; i < seconds * 50; i += 1) {
      call(ends(i));
      clock.advance(20);
    }
  };
  const repeat = (count: number, run: () => void) => {
    for (let i = 0; i < count; i += 1) run();
  };
  return { clock, told, ejection, call, probe, load, repeat };
}

describe("a plugin is ejected", () => {
  it("by five errors in a row", () => {
    const { told, call, repeat } = watch();
    repeat(4, () => call("bad"));
    expect(told).toEqual([]);
    call("bad");
    expect(told).toEqual(["eject: 5 errors in a row, last: no idea; not asked for 5.0 s"]);
  });

  const harmless: { title: string; ends: (i: number) => CallEnd | "never" }[] = [
    { title: "errors between which it answers", ends: (i) => (i % 5 === 0 ? "good" : "bad") },
    { title: "calls that were shed", ends: () => "neither" },
    { title: "one call in ten missed", ends: (i) => (i % 10 === 0 ? "missed" : "good") },
    { title: "one call in ten never answered", ends: (i) => (i % 10 === 0 ? "never" : "good") },
  ];
  for (const { title, ends } of harmless) {
    it(`not by ${title}`, () => {
      const { told, load } = watch();
      load(30, ends);
      expect(told).toEqual([]);
    });
  }

  const harmful: { title: string; ends: (i: number) => CallEnd | "never" }[] = [
    { title: "answers one call in three too late", ends: (i) => (i % 3 === 0 ? "missed" : "good") },
    { title: "never answers one call in three", ends: (i) => (i % 3 === 0 ? "never" : "good") },
    { title: "answers nothing", ends: () => "never" },
  ];
  for (const { title, ends } of harmful) {
    it(`when it ${title}`, () => {
      const { told, load } = watch();
      load(4, ends);
      expect(told[0]).toMatch(/^eject: \d+ % of its calls of the last 10 s missed their budget; not asked for 5.0 s$/);
    });
  }

  it("not by misses of a few calls, which say nothing", () => {
    const { told, call, clock, repeat } = watch();
    repeat(49, () => call("missed"));
    clock.advance(4_000);
    call("good");
    expect(told).toEqual([]);
  });

  it("not by misses of a moment, which may be the machine's", () => {
    const { told, load, call, repeat, clock } = watch();
    repeat(200, () => call("missed"));
    load(1, () => "good");
    expect(told).toEqual([]);
    clock.advance(1_600);
    call("good");
    expect(told.length).toBe(1);
  });

  it("not by misses that are older than the window", () => {
    const { told, call, clock, repeat, load } = watch();
    repeat(60, () => call("missed"));
    clock.advance(11_000);
    load(5, () => "good");
    expect(told).toEqual([]);
  });
});

describe("an ejected plugin", () => {
  function ejected(timing: Partial<PluginTiming> = {}, random = () => 1) {
    const watched = watch(timing, random);
    watched.repeat(5, () => watched.call("bad"));
    watched.told.length = 0;
    return watched;
  }

  it("is asked nothing until its time is over, then one call at a time", () => {
    const { ejection, clock, told } = ejected();
    clock.advance(4_999);
    expect([ejection.isOut, ejection.mayProbe(clock.elapsedMs(), budgetMs), told]).toEqual([true, false, []]);
    clock.advance(1);
    const nowMs = clock.elapsedMs();
    expect([ejection.mayProbe(nowMs, budgetMs), ejection.mayProbe(nowMs, budgetMs), told]).toEqual([
      true,
      false,
      ["attempt"],
    ]);
  });

  it("comes back by twenty good answers in a row", () => {
    const { clock, told, probe, repeat, ejection } = ejected();
    clock.advance(5_000);
    repeat(19, () => probe("good"));
    probe("bad");
    repeat(19, () => probe("good"));
    expect(ejection.isOut).toBe(true);
    probe("good");
    expect([ejection.isOut, told]).toEqual([false, ["attempt", "restore"]]);
  });

  it("is ejected for longer by three bad answers, up to a minute", () => {
    const { clock, told, probe, repeat } = ejected();
    for (let round = 1; round <= 13; round += 1) {
      clock.advance(Math.min(60, round * 5) * 1000);
      repeat(3, () => probe("bad"));
    }
    const waits = told.filter((line) => line.startsWith("eject")).map((line) => /for ([\d.]+) s/.exec(line)![1]);
    expect(waits.slice(0, 3)).toEqual(["10.0", "15.0", "20.0"]);
    expect(waits.at(-1)).toBe("60.0");
  });

  it("is ejected again by calls that it never answers", () => {
    const { clock, told, ejection } = ejected();
    clock.advance(5_000);
    for (let i = 0; i < 4; i += 1) {
      ejection.mayProbe(clock.elapsedMs(), budgetMs);
      clock.advance(budgetMs + 1);
    }
    expect(told[1]).toMatch(/^eject: it did no better when it was tried: no answer within the budget/);
  });

  it("is helped by no answer to a call that was given up", () => {
    const { clock, ejection, probe, repeat, told } = ejected({ probeCalls: 2 });
    clock.advance(5_000);
    const dueMs = clock.elapsedMs() + budgetMs;
    ejection.mayProbe(clock.elapsedMs(), budgetMs);
    clock.advance(budgetMs + 1);
    probe("good");
    ejection.probeEnded(dueMs, "good", "");
    expect(told).toEqual(["attempt"]);
    repeat(2, () => probe("good"));
    expect(told).toEqual(["attempt", "restore"]);
  });

  it("is ejected for as long as the first time once it did well for a minute", () => {
    const { clock, told, probe, call, repeat } = ejected();
    clock.advance(5_000);
    repeat(20, () => probe("good"));
    clock.advance(60_000);
    repeat(5, () => call("bad"));
    expect(told.at(-1)).toMatch(/not asked for 5.0 s$/);
  });

  it("is not tried where its connection was lost meanwhile", () => {
    const { clock, told, ejection } = ejected();
    ejection.reset();
    clock.advance(60_000);
    expect([ejection.isOut, told]).toEqual([false, []]);
  });

  it("waits between four fifths of its time and all of it", () => {
    const { clock, told } = ejected({}, () => 0);
    clock.advance(3_999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["attempt"]);
  });

  const quietTrials: { title: string; probes: CallEnd[]; want: string }[] = [
    { title: "comes back where nobody asks for anything", probes: [], want: "restore" },
    { title: "comes back where few calls come and all are good", probes: ["good", "good"], want: "restore" },
    { title: "is tried on where one was bad", probes: ["good", "bad"], want: "attempt" },
  ];
  for (const { title, probes, want } of quietTrials) {
    it(`${title} while it is tried`, () => {
      const { told, clock, call, probe, repeat } = watch();
      repeat(5, () => call("bad"));
      clock.advance(5_000);
      for (const end of probes) probe(end);
      clock.advance(10_000);
      expect(told.slice(1)).toEqual(["attempt", want]);
    });
  }

  it("is tried on where the last call beside decisions is still not answered", () => {
    const { told, clock, call, ejection, repeat } = watch();
    repeat(5, () => call("bad"));
    clock.advance(5_000);
    ejection.mayProbe(clock.elapsedMs(), budgetMs);
    clock.advance(10_000);
    expect(told.slice(1)).toEqual(["attempt", "attempt"]);
  });
});
