import { describe, expect, it } from "vitest";
import { isEdge, isServing } from "./plugin-state.ts";
import type { PluginState } from "./types.ts";

const states: readonly PluginState[] = [
  "discovered",
  "starting",
  "handshaking",
  "configuring",
  "syncing",
  "shadow",
  "active",
  "degraded",
  "draining",
  "stopped",
  "ejected",
  "backoff",
  "quarantined",
  "failed",
];

/** Where a life goes on from each state, and why. */
const edges: Readonly<Record<PluginState, Readonly<Partial<Record<PluginState, string>>>>> = {
  discovered: {
    starting: "its child is started",
    handshaking: "it is served elsewhere, or by a child that lives",
    configuring: "it runs in the host",
    ...givenUp(),
  },
  starting: { handshaking: "somebody listens", ...givenUp() },
  handshaking: { configuring: "it offers the type", shadow: "it knows Score alone", ...givenUp() },
  configuring: { syncing: "it took its parameters", active: "it runs in the host", ...givenUp() },
  syncing: { shadow: "it acknowledged the endpoints", ...givenUp() },
  shadow: { active: "it did well, or nothing was to be compared", ejected: "its trial failed", ...givenUp() },
  active: { degraded: "it is unready or falls behind", ejected: "it failed or was late too often", ...givenUp() },
  degraded: { active: "it follows again", ejected: "it failed or was late too often", ...givenUp() },
  ejected: { shadow: "its time is over: it is tried", ...givenUp() },
  backoff: {
    starting: "the next attempt",
    handshaking: "the next attempt of an address",
    configuring: "the next attempt in the host",
    quarantined: "too many of them",
    failed: "hopeless",
    ...over(),
  },
  quarantined: retried(),
  failed: retried(),
  draining: { stopped: "its connection is closed" },
  stopped: {},
};

function over() {
  return { draining: "it is let go", stopped: "it has no connection to drain" };
}

function givenUp() {
  return { backoff: "lost", quarantined: "too many faults", failed: "hopeless", ...over() };
}

function retried() {
  return { starting: "released", handshaking: "released", configuring: "released", ...over() };
}

describe("the life of a plugin", () => {
  for (const from of states) {
    const reasons = Object.entries(edges[from]).map(([to, why]) => `${to} (${why})`);
    it(`goes on from ${from} to ${reasons.join(", ") || "nowhere"}`, () => {
      expect(states.filter((to) => isEdge(from, to)).sort()).toEqual(Object.keys(edges[from]).sort());
    });
  }

  it("has calls while it is active or degraded", () => {
    expect(states.filter(isServing)).toEqual(["active", "degraded"]);
  });
});
