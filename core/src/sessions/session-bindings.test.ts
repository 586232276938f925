import { describe, expect, it } from "vitest";
import { createSessionBindings } from "./session-bindings.ts";

const memory = { ttlMs: 300_000, sweepMs: 10_000, maxSessions: 3, maxWaitingRequests: Number.POSITIVE_INFINITY };

describe("bindings of sessions", () => {
  it("know the endpoint until a session has been quiet for its time", () => {
    const bindings = createSessionBindings(memory);
    bindings.bind("s", "a", 0);
    expect(bindings.find("s", 299_999)).toBe("a");
    expect(bindings.find("s", 300_000)).toBeUndefined();
    bindings.bind("s", "a", 200_000);
    expect(bindings.find("s", 499_999)).toBe("a");
  });

  it("forget what is over even before it is swept", () => {
    const bindings = createSessionBindings({ ...memory, ttlMs: 5 });
    bindings.bind("s", "a", 0);
    bindings.bind("t", "b", 6);
    expect([bindings.find("s", 6), bindings.size]).toEqual([undefined, 2]);
  });

  it("are swept with the first request behind the time between sweeps", () => {
    const bindings = createSessionBindings({ ...memory, ttlMs: 5_000 });
    bindings.bind("s", "a", 0);
    bindings.bind("t", "a", 1);
    bindings.bind("u", "a", 9_999);
    expect(bindings.size).toBe(3);
    bindings.bind("u", "a", 10_000);
    expect(bindings.size).toBe(1);
  });

  it("make room by the session that was used least recently", () => {
    const bindings = createSessionBindings(memory);
    for (const key of ["s", "t", "u"]) bindings.bind(key, key, 0);
    bindings.bind("s", "s", 1);
    bindings.bind("v", "v", 2);
    expect(["s", "t", "u", "v"].map((key) => bindings.find(key, 2))).toEqual(["s", undefined, "u", "v"]);
  });

  it("stay within their number whatever comes", () => {
    const bindings = createSessionBindings({ ...memory, maxSessions: 100 });
    for (let i = 0; i < 100_000; i++) bindings.bind(`session-${i}`, "a", i / 1_000);
    expect(bindings.size).toBe(100);
  });

  it("drop what a smaller limit has no room for", () => {
    const bindings = createSessionBindings(memory);
    for (const key of ["s", "t", "u"]) bindings.bind(key, key, 0);
    bindings.limit({ ...memory, maxSessions: 1, ttlMs: 50 });
    expect([bindings.size, bindings.find("u", 49), bindings.find("u", 50)]).toEqual([1, "u", undefined]);
  });

  it("outlive a clock that goes back", () => {
    const bindings = createSessionBindings(memory);
    bindings.bind("s", "a", 1_000_000);
    expect(bindings.find("s", 5)).toBe("a");
  });

  it("take keys for what they are", () => {
    const bindings = createSessionBindings(memory);
    expect(bindings.find("__proto__", 0)).toBeUndefined();
    bindings.bind("__proto__", "a", 0);
    expect(bindings.find("__proto__", 0)).toBe("a");
  });
});
