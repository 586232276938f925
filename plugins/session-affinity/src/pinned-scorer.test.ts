import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { pinnedSessionConfig } from "./pinned-config.ts";
import { sessionAffinityScorer } from "./pinned-scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };

for (const [where, open] of Object.entries(placements)) {
  describe(`session-affinity-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) {
      it(title, async () => run(await open(sessionAffinityScorer)), 20_000);
    }
  });

  it(`session-affinity-scorer, ${where}, scores the pinned endpoint 1 and the others 0`, async () => {
    const scorer = await open(sessionAffinityScorer);
    try {
      const call = fakeCall({ pool: [{ id: "a" }, { id: "b" }, { id: "c" }], request: { pinnedSlot: 1 } });
      expect([...(await scorer.score(call))]).toEqual([0, 1, 0]);
    } finally {
      await scorer.close();
    }
  }, 20_000);
}

describe("session-affinity-scorer", () => {
  const pool = [{ id: "a" }, { id: "b" }, { id: "c" }];
  const cases = [
    { title: "is pinned to none", pinnedSlot: -1, want: "the session is pinned to no endpoint" },
    {
      title: "is pinned to no candidate",
      pinnedSlot: 7,
      want: "the endpoint that the session is pinned to is no candidate",
    },
  ];
  for (const { title, pinnedSlot, want } of cases) {
    it(`abstains where the session ${title}, and says so`, () => {
      const scores = new Float32Array(3).fill(Number.NaN);
      const reason = sessionAffinityScorer
        .create({} as never)
        .score(fakeCall({ pool, request: { pinnedSlot } }), scores);
      expect(reason).toBe(want);
      expect([...scores]).toEqual(Array(3).fill(Number.NaN));
    });
  }

  it("scores a single candidate 1", async () => {
    const scorer = await local(sessionAffinityScorer);
    expect([...(await scorer.score(fakeCall({ pool: [{ id: "a" }], request: { pinnedSlot: 0 } })))]).toEqual([1]);
  });
});

describe("parameters of a session-affinity-scorer", () => {
  const pinningOf = (parameters: object) => sessionAffinityScorer.pinning?.(pinnedSessionConfig.parse(parameters));

  it("ask for a token in x-session-token by default", () => {
    expect(pinningOf({})).toEqual({ kind: "token", profile: "", header: "x-session-token" });
  });

  it("name another header and profile", () => {
    const parameters = { encodedEndpointHeaderConfig: { header: "X-Mine" }, profileName: "prefill" };
    expect(pinningOf(parameters)).toEqual({ kind: "token", profile: "prefill", header: "x-mine" });
  });

  it("ask for the id in x-session-id by default, with the limits of the reference EPP", () => {
    expect(pinningOf({ strategy: "session_id" })).toEqual({
      kind: "id",
      profile: "",
      sources: [{ kind: "header", name: "x-session-id" }],
      ttlMs: 300_000,
      sweepMs: 10_000,
      maxSessions: 100_000,
      maxWaitingRequests: Number.POSITIVE_INFINITY,
    });
  });

  it("name sources in order, headers in lower case", () => {
    const sources = [{ header: "X-User" }, { attribute: "agent-identity" }, { attribute: "SessionID", producer: "p" }];
    expect(pinningOf({ strategy: "session_id", sessionIdConfig: { sources } })).toMatchObject({
      sources: [
        { kind: "header", name: "x-user" },
        { kind: "attribute", name: "agent-identity", producer: "" },
        { kind: "attribute", name: "SessionID", producer: "p" },
      ],
    });
  });

  const wrong = [
    { strategy: "cookie" },
    { strategy: "session_id", encodedEndpointHeaderConfig: { header: "x" } },
    { sessionIdConfig: {} },
    { encodedEndpointHeaderConfig: { header: "no header" } },
    { strategy: "session_id", sessionIdConfig: { sources: [] } },
    { strategy: "session_id", sessionIdConfig: { sources: [{}] } },
    { strategy: "session_id", sessionIdConfig: { sources: [{ header: "x", attribute: "SessionID" }] } },
    { strategy: "session_id", sessionIdConfig: { sources: [{ header: "x", producer: "p" }] } },
    { strategy: "session_id", sessionIdConfig: { sources: [{ attribute: "something" }] } },
    { strategy: "session_id", sessionIdConfig: { evictionTtlSeconds: 0 } },
    { strategy: "session_id", sessionIdConfig: { maxSessions: 0 } },
  ];
  for (const parameters of wrong) {
    it(`refuse ${JSON.stringify(parameters)}`, () => {
      expect(pinnedSessionConfig.safeParse(parameters).success).toBe(false);
    });
  }
});
