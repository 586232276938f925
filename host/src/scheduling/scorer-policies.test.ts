import type { Scorer } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { another, good, openScheduling as open, post } from "./fixtures/open-scheduling.ts";
import { createScheduler } from "./scheduler.ts";
import { toTraceless } from "./traceless.ts";
import type { IncomingRequest, Routed } from "./types.ts";

const broken: Scorer["score"] = () => {
  throw new Error("broken");
};
const busy: Scorer["score"] = () => {
  throw new OutriderError("SCORER_SHED", "busy");
};
const says =
  (...scores: readonly number[]): Scorer["score"] =>
  (_, written) =>
    written.set(scores);
const settled = () => new Promise((resolve) => setImmediate(resolve));
const linesOf = async (registry: { metrics(): Promise<string> }, prefix: string) =>
  (await registry.metrics())
    .split("\n")
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));

describe("a scorer that requests depend on", () => {
  const required = { onFailure: { kind: "fail_request" } } as const;

  it("refuses the request with 503 when it fails, under its name in the log and its code in the metrics", async () => {
    const opened = open({ score: broken, place: required });
    expect(await opened.scheduler.decide(post(good))).toMatchObject({
      kind: "refused",
      code: "ServiceUnavailable",
      status: 503,
      message: "failed to find target endpoint: a scorer that the decision depends on has not answered",
    });
    expect(opened.required).toEqual(["SCORER_REQUIRED: third brought nothing in time and has onFailure: fail_request"]);
    expect(await linesOf(opened.registry, "outrider_refusals_total")).toEqual(['{reason="SCORER_REQUIRED"} 1']);
    expect(await linesOf(opened.registry, "outrider_decisions_total")).toContain('{result="refused"} 1');
    const [record] = opened.ring.latest(1);
    expect(record).toMatchObject({ failedBy: "third", destination: [] });
    expect(opened.ring.circumstancesOf(record!).refusal?.status).toBe(503);
    expect(opened.leases.count()).toBe(0);
  });

  it("tells those who were asked that the request was never sent", async () => {
    const other = another("other", says(1, 0, 0));
    const { scheduler, heard } = open({ score: broken, place: required, others: [other.place] });
    await scheduler.decide(post(good));
    for (const events of [heard, other.heard]) {
      expect(events).toMatchObject([{ kind: "done", cause: "never_sent" }]);
    }
  });

  it("refuses nothing in a rehearsal's name: nobody hears of it", async () => {
    const opened = open({ score: broken, place: required });
    expect(await createScheduler(toTraceless(opened.parts)).decide(post(good))).toMatchObject({ status: 503 });
    expect(opened.required).toEqual([]);
  });
});

describe("what stands in for a missing answer", () => {
  it("is counted by what it is, and the answer is still missing", async () => {
    const opened = open({ score: broken, place: { onFailure: { kind: "neutral" } } });
    for (let i = 0; i < 3; i++) await opened.scheduler.decide(post(good));
    expect(await linesOf(opened.registry, "outrider_scorer_fallbacks_total")).toContain(
      '{scorer="third",fallback="neutral"} 3',
    );
    expect(opened.parts.metrics.fallbacks("third")).toBe(3);
    expect(opened.parts.metrics.fallbacks("nobody")).toBe(0);
    expect(opened.parts.metrics.calls("third")).toMatchObject({ failed: 3, scored: 0 });
    expect(opened.heard[0]).toMatchObject({ kind: "picked", fallback: true, ownScore: Number.NaN });
  });

  for (const [title, score] of Object.entries({ "that fails": broken, "that is shed": busy })) {
    it(`hears what becomes of its call where it is asked in the place of one ${title}`, async () => {
      const second = another("third/fallback", says(0.25, 1, 0.5));
      const opened = open({ score, place: { onFailure: { kind: "inline", scorer: second.place.scorer } } });
      const routed = (await opened.scheduler.decide(post(good))) as Routed;
      routed.end("ok");
      routed.end("ok");
      expect(routed.destinations[0]).toBe("10.0.0.2:8000");
      expect(second.heard).toMatchObject([
        { kind: "picked", slot: 1, ownScore: 1, fallback: false },
        { kind: "done", cause: "ok" },
      ]);
    });
  }

  it("hears nothing where it was not asked, and of a call in vain that another decided", async () => {
    const unasked = another("third/fallback", says(1, 1, 1));
    const onFailure = (scorer: Scorer) => ({ onFailure: { kind: "inline", scorer } }) as const;
    const routed = (await open({ place: onFailure(unasked.place.scorer) }).scheduler.decide(post(good))) as Routed;
    routed.end("ok");
    expect(unasked.heard).toEqual([]);
    const useless = another("third/fallback", broken);
    const opened = open({ score: broken, place: onFailure(useless.place.scorer) });
    ((await opened.scheduler.decide(post(good))) as Routed).end("ok");
    expect(useless.heard).toMatchObject([{ kind: "picked", fallback: true }, { kind: "done" }]);
  });
});

describe("vetoes", () => {
  const vetoer = (...positions: readonly number[]) =>
    another(
      "v",
      (call) => {
        for (const position of positions) call.veto(position);
      },
      { mayVeto: true },
    );

  it("are counted, and keep what is vetoed from the gateway's further candidates and from its scores", async () => {
    const opened = open({ others: [vetoer(1).place], emitsScores: true });
    const request: IncomingRequest = { ...post(good), door: "gateway" };
    const routed = (await opened.scheduler.decide(request)) as Routed;
    expect(routed.destinations).toEqual(["10.0.0.3:8000", "10.0.0.1:8000"]);
    expect(routed.scores.map(([endpoint]) => endpoint)).toEqual(["10.0.0.1:8000", "10.0.0.3:8000"]);
    expect(await linesOf(opened.registry, "outrider_vetoes_total")).toEqual(['{scorer="v"} 1']);
    expect(await linesOf(opened.registry, "outrider_vetoes_ignored_total")).toEqual([" 0"]);
  });

  it("of all candidates are counted as ignored", async () => {
    const opened = open({ others: [vetoer(0, 1, 2).place], emitsScores: true });
    const routed = (await opened.scheduler.decide(post(good))) as Routed;
    expect(routed.destinations[0]).toBe("10.0.0.3:8000");
    expect(routed.scores).toHaveLength(3);
    expect(await linesOf(opened.registry, "outrider_vetoes_ignored_total")).toEqual([" 1"]);
  });
});

describe("a shadow scorer", () => {
  const later = (scores: readonly number[]): { score: Scorer["score"]; answer: () => void; seen: string[] } => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const score: Scorer["score"] = async ({ request }, written) => {
      seen.push(request.promptText);
      await promise;
      seen.push(request.promptText);
      written.set(scores);
    };
    return { score, answer: resolve, seen };
  };

  it("is counted apart, with whether it would have picked the same", async () => {
    const agreeing = another("same", says(0, 0.5, 0.5), { shadow: true });
    const other = another("other", says(1, 0.5, Number.NaN), { shadow: true });
    const silent = another("silent", () => "none", { shadow: true });
    const opened = open({ others: [agreeing.place, other.place, silent.place] });
    expect(await opened.scheduler.decide(post(good))).toMatchObject({
      destinations: ["10.0.0.3:8000", "10.0.0.2:8000"],
    });
    const picks = await linesOf(opened.registry, "outrider_shadow_picks_total");
    expect(picks.filter((line) => line.endsWith(" 1"))).toEqual([
      '{scorer="same",pick="same"} 1',
      '{scorer="other",pick="other"} 1',
    ]);
    const outcomes = await linesOf(opened.registry, "outrider_shadow_outcomes_total");
    expect(outcomes).toContain('{scorer="silent",outcome="abstained"} 1');
    expect((await opened.registry.metrics()).includes('outrider_scorer_outcomes_total{scorer="same"')).toBe(false);
    expect(opened.parts.metrics.calls("same")).toEqual({ scored: 1, abstained: 0, late: 0, failed: 0, shed: 0 });
  });

  it("hears what becomes of its call, once", async () => {
    const shadow = another("s", says(0.25, 0.5, 0.75), { shadow: true });
    const { scheduler } = open({ others: [shadow.place] });
    const routed = (await scheduler.decide(post(good))) as Routed;
    for (let i = 0; i < 2; i++) routed.end("ok");
    expect(shadow.heard).toMatchObject([
      { kind: "picked", slot: 2, ownScore: 0.75, totalScore: 1, fallback: true },
      { kind: "done", cause: "ok" },
    ]);
    expect(new Set(shadow.heard.map(({ callId }) => callId)).size).toBe(1);
  });

  it("may read the request until it has ended, which no decision waits for; then it is counted", async () => {
    const { score, answer, seen } = later([0, 0, 1]);
    const shadow = another("s", score, { shadow: true });
    const opened = open({ others: [shadow.place], granted: ["request.prompt_text"] });
    const routed = opened.scheduler.decide(post(good));
    expect(routed).toMatchObject({ kind: "routed" });
    expect(opened.parts.metrics.calls("s")).toMatchObject({ scored: 0, late: 0 });
    answer();
    await settled();
    expect(seen).toEqual(["hello there", "hello there"]);
    expect(opened.parts.metrics.calls("s")).toMatchObject({ scored: 1, late: 0 });
    expect(await linesOf(opened.registry, "outrider_shadow_picks_total")).toContain('{scorer="s",pick="same"} 1');
    expect(opened.ring.latest(1)[0]?.facts.promptText).toBe("");
  });

  it("is counted once where it is done in the very turn of a decision that waits", async () => {
    const both = later([1, 0, 0]);
    const shadow = another("s", both.score, { shadow: true });
    const waiting = another("w", both.score);
    const opened = open({ others: [waiting.place, shadow.place], granted: ["request.prompt_text"] });
    const routed = opened.scheduler.decide(post(good));
    both.answer();
    expect(await routed).toMatchObject({ kind: "routed" });
    await settled();
    expect(opened.parts.metrics.calls("s")).toEqual({ scored: 1, abstained: 0, late: 0, failed: 0, shed: 0 });
    expect(opened.ring.latest(1)[0]?.facts.promptText).toBe("");
  });

  it("leaves no trace of a rehearsal, when it ends behind it neither", async () => {
    const { score, answer } = later([0, 0, 1]);
    const shadow = another("s", score, { shadow: true });
    const opened = open({ others: [shadow.place] });
    const before = await opened.registry.metrics();
    ((await createScheduler(toTraceless(opened.parts)).decide(post(good))) as Routed).end("ok");
    answer();
    await settled();
    expect(shadow.heard).toEqual([]);
    expect(await opened.registry.metrics()).toBe(before);
  });
});
