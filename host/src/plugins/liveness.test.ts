import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createManualClock } from "./fixtures/manual-clock.ts";
import { watchLiveness } from "./liveness.ts";

function watch() {
  const clock = createManualClock();
  const seen: string[] = [];
  const session = { ackedRev: 1, pings: [] as (() => void)[], ping: () => ping() };
  const ping = () => new Promise<number>((resolve) => session.pings.push(() => resolve(1)));
  const liveness = watchLiveness(session, { degradedMs: 2000, resyncMs: 10_000 }, clock, {
    degraded: (message) => seen.push(message === "" ? "well" : "degraded"),
    dead: () => {
      seen.push("dead");
      liveness.stop();
    },
  });
  liveness.published(1);
  return { clock, seen, session, liveness };
}

describe("liveness", () => {
  it("is degraded 2 s after state that nobody acknowledges, dead after 10 s", () => {
    const { clock, seen, liveness } = watch();
    liveness.published(2);
    clock.advance(1900);
    expect(seen).toEqual([]);
    clock.advance(200);
    expect(seen).toEqual(["degraded"]);
    clock.advance(7000);
    expect(seen).toEqual(["degraded"]);
    clock.advance(20_000);
    expect(seen).toEqual(["degraded", "dead"]);
  });

  it("is well again with the acknowledgement", () => {
    const { clock, seen, session, liveness } = watch();
    liveness.published(2);
    clock.advance(3000);
    session.ackedRev = 2;
    clock.advance(500);
    expect(seen).toEqual(["degraded", "well"]);
  });

  it("is well while acknowledgements move, however far behind", () => {
    const { clock, seen, session, liveness } = watch();
    for (let rev = 2; rev < 40; rev += 1) {
      liveness.published(rev + 100);
      clock.advance(1000);
      session.ackedRev = rev;
    }
    expect(seen).toEqual([]);
  });

  it("pings where there is nothing to acknowledge", async () => {
    const { clock, seen, session } = watch();
    clock.advance(5100);
    expect([session.pings.length, seen]).toEqual([1, []]);
    clock.advance(2500);
    expect(seen).toEqual(["degraded"]);
    session.pings[0]!();
    await turn();
    clock.advance(500);
    expect(seen).toEqual(["degraded", "well"]);
    clock.advance(5000);
    expect(session.pings.length).toBe(2);
  });

  it("reports nothing once stopped", () => {
    const { clock, seen, liveness } = watch();
    liveness.published(2);
    liveness.stop();
    clock.advance(20_000);
    expect(seen).toEqual([]);
  });
});
