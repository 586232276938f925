import { createLog } from "@outrider/host";
import { describe, expect, it } from "vitest";
import { RealCalls } from "./real-calls.ts";

const log = createLog(0);
log.level = "silent";
const never = () => new Promise<void>(() => {});

describe("calls that are answered in real time", () => {
  it("hold virtual time until the last is answered, however it is", async () => {
    const calls = new RealCalls(log);
    const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    void calls.track("p", one.promise);
    calls.track("q", other.promise).catch(() => {});
    let isOver = false;
    const settled = calls.settle().then(() => {
      isOver = true;
    });
    one.resolve();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isOver).toBe(false);
    other.reject(new Error("lost"));
    await settled;
    expect(calls.isIdle).toBe(true);
  });

  it("hold it for those that an answer leads to, too", async () => {
    const calls = new RealCalls(log);
    let isAnswered = false;
    const second = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      isAnswered = true;
    };
    void calls.track("p", Promise.resolve()).then(() => calls.track("q", second()));
    await calls.settle();
    expect(isAnswered).toBe(true);
  });

  it("hold it no longer than patience lasts, and give up who is silent again and again", async () => {
    const calls = new RealCalls(log, 10);
    for (const isGivenUp of [false, false, true]) {
      void calls.track("mute", never());
      void calls.track("well", Promise.resolve());
      await calls.settle();
      expect([calls.isIdle, calls.isGivenUp("mute"), calls.isGivenUp("well")]).toEqual([true, isGivenUp, false]);
    }
  });
});
