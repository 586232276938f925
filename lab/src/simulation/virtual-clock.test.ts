import { describe, expect, it } from "vitest";
import { epochMs, VirtualClock } from "./virtual-clock.ts";

describe("a virtual clock", () => {
  it("goes to what happens next, and stands still between", () => {
    const clock = new VirtualClock();
    const seen: (readonly [string, number])[] = [];
    clock.after(5.25, () => void seen.push(["second", clock.elapsedMs()]));
    clock.at(2, () => {
      seen.push(["first", clock.elapsedMs()]);
      clock.after(1, () => void seen.push(["between", clock.elapsedMs()]));
    });
    while (clock.step() === true);
    expect(seen).toEqual([
      ["first", 2],
      ["between", 3],
      ["second", 5.25],
    ]);
    expect(clock.nowMs()).toBe(epochMs + 5);
  });

  it("never goes back, whatever the time that is asked for", () => {
    const clock = new VirtualClock();
    clock.at(10, () => void clock.at(3, () => void clock.after(-5, () => {})));
    while (clock.step() === true) expect(clock.atMs).toBe(10);
    expect(clock.atMs).toBe(10);
  });

  it("leaves out what was cancelled, and takes no timer for one", () => {
    const clock = new VirtualClock();
    let isRung = false;
    clock.cancel(
      clock.after(1, () => {
        isRung = true;
      }),
    );
    clock.cancel(undefined);
    expect(clock.step()).toBe(false);
    expect(isRung).toBe(false);
  });
});
