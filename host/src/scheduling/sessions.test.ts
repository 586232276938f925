import { createSessionAffinityFilter, createSessions, encodeSessionToken, type PinnedSessions } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import { createScheduler } from "./scheduler.ts";
import { toTraceless } from "./traceless.ts";
import type { Routed } from "./types.ts";

const token: PinnedSessions = { kind: "token", profile: "", header: "x-session-token" };
const byId: PinnedSessions = {
  kind: "id",
  profile: "",
  sources: [{ kind: "header", name: "x-session-id" }],
  ttlMs: 300_000,
  sweepMs: 10_000,
  maxSessions: 10,
  maxWaitingRequests: Number.POSITIVE_INFINITY,
};
const addresses = ["10.0.0.1:8000", "10.0.0.2:8000", "10.0.0.3:8000"] as const;
const tokens = addresses.map(encodeSessionToken);

/** A pool whose third endpoint is the best, with a filter that pins sessions. */
function open(pinned: PinnedSessions, more: SchedulingOptions = {}) {
  const sessions = createSessions({ pinned: [pinned], shown: pinned.profile });
  const filters = [createSessionAffinityFilter("session", pinned.profile)];
  const opened = openScheduling({ filters, ...more, rules: { sessions, ...more.rules } });
  const send = async (headers: Readonly<Record<string, string>>, subset?: readonly string[]) =>
    (await opened.scheduler.decide(post(good, subset, headers))) as Routed;
  return { ...opened, sessions, send };
}

describe("a session token", () => {
  it("of the endpoint that gets the request is set on every response", async () => {
    const { send } = open(token);
    const routed = await send({});
    expect(routed.destinations[0]).toBe(addresses[2]);
    expect(routed.setResponseHeaders).toEqual([["x-session-token", tokens[2]]]);
  });

  it("brings the next request to the endpoint that it names", async () => {
    const { send } = open(token);
    const routed = await send({ "x-session-token": tokens[0]! });
    expect(routed.destinations[0]).toBe(addresses[0]);
    expect(routed.setResponseHeaders).toEqual([["x-session-token", tokens[0]]]);
  });

  it("names the endpoint that answers, where that is a fallback", async () => {
    const { send } = open(token, { filters: [] });
    const routed = await send({});
    routed.responseHeaders(200, () => undefined, routed.destinations[1]);
    expect(routed.destinations[1]).toBe(addresses[1]);
    expect(routed.setResponseHeaders).toEqual([["x-session-token", tokens[1]]]);
  });

  it("names the endpoint that answered although it has left since, and another has its slot", async () => {
    const { send, table } = open(token);
    const routed = await send({});
    table.remove(addresses[2]);
    table.publish(2_000);
    table.upsert({ id: "new", address: "10.0.0.9:1", labels: {} });
    table.publish(3_000);
    expect(routed.setResponseHeaders).toEqual([["x-session-token", tokens[2]]]);
  });

  it("chooses no endpoint that the gateway does not allow", async () => {
    const { send } = open(token);
    const routed = await send({ "x-session-token": tokens[0]! }, [addresses[1], addresses[2]]);
    expect(routed.destinations[0]).toBe(addresses[2]);
  });

  const forged = [
    "",
    "%%%",
    "\ufffd\ufffd",
    "x".repeat(10_000),
    tokens[0]!.slice(0, -1),
    encodeSessionToken("10.6.6.6:1"),
  ];
  for (const text of forged) {
    it(`that is forged chooses nothing (${JSON.stringify(text.slice(0, 20))})`, async () => {
      const { send, ring, faults } = open(token);
      const routed = await send({ "x-session-token": text });
      expect(routed.destinations[0]).toBe(addresses[2]);
      expect(ring.find(routed.decisionId)?.facts.pinnedSlot).toBe(-1);
      expect(faults).toEqual([]);
    });
  }

  it("of a profile that has not run is not set", async () => {
    const { send } = open({ ...token, profile: "prefill" });
    expect((await send({})).setResponseHeaders).toEqual([]);
  });

  it("of the profile that decides is the destination's", async () => {
    const { send } = open({ ...token, profile: "default" });
    expect((await send({})).setResponseHeaders).toEqual([["x-session-token", tokens[2]]]);
  });

  it("has the headers of responses shown although nobody else looks at them", async () => {
    const quiet: SchedulingOptions = { granted: [], responses: "none" };
    expect((await open(token, quiet).send({})).observation).toBe("headers");
    expect((await open(byId, quiet).send({})).observation).toBe("none");
  });
});

describe("a session id", () => {
  const pinnedTo = (first: string, more: SchedulingOptions = {}) => {
    const opened = open(byId, more);
    return { ...opened, start: () => opened.send({ "x-session-id": "s" }, [first]) };
  };

  it("brings requests to the endpoint of the first one", async () => {
    const { send, start } = pinnedTo(addresses[0]);
    await start();
    expect((await send({ "x-session-id": "s" })).destinations[0]).toBe(addresses[0]);
    expect((await send({ "x-session-id": "t" })).destinations[0]).toBe(addresses[2]);
    expect((await send({})).destinations[0]).toBe(addresses[2]);
  });

  it("moves to another endpoint once its own has left, and stays there", async () => {
    const { send, start, table } = pinnedTo(addresses[0]);
    await start();
    table.remove(addresses[0]);
    table.publish(2_000);
    expect((await send({ "x-session-id": "s" }, [addresses[1]])).destinations[0]).toBe(addresses[1]);
    expect((await send({ "x-session-id": "s" })).destinations[0]).toBe(addresses[1]);
  });

  it("is forgotten by the clock of the host", async () => {
    const { send, start, time } = pinnedTo(addresses[0]);
    await start();
    time.nowMs += 300_000;
    expect((await send({ "x-session-id": "s" })).destinations[0]).toBe(addresses[2]);
  });

  it("is not remembered of a request that is refused", async () => {
    const nobody = { name: "none", type: "none", filter: () => new Uint32Array(0) };
    const { scheduler, sessions } = open(byId, { filters: [nobody] });
    expect(await scheduler.decide(post(good, undefined, { "x-session-id": "s" }))).toMatchObject({ kind: "refused" });
    expect(sessions.count()).toBe(0);
  });

  it("is not remembered of a rehearsal", async () => {
    const { parts, sessions } = open(byId);
    const request = post(good, undefined, { "x-session-id": "s" });
    expect(await createScheduler(toTraceless(parts)).decide(request)).toMatchObject({ kind: "routed" });
    expect(sessions.count()).toBe(0);
  });

  it("is read of a request whose body nobody reads", async () => {
    const { scheduler, start } = pinnedTo(addresses[0]);
    await start();
    const bare = { ...post(good, undefined, { "x-session-id": "s" }), path: "/v1/models", body: undefined };
    expect(await scheduler.decide(bare)).toMatchObject({ destinations: [addresses[0]] });
  });

  it("shows scorers its endpoint, and them alone a candidate", async () => {
    const seen: number[] = [];
    const score = ({ request }: { readonly request: { readonly pinnedSlot: number } }, scores: Float32Array) => {
      seen.push(request.pinnedSlot);
      scores.fill(0.5);
    };
    const { send, start } = pinnedTo(addresses[1], { score });
    await start();
    await send({ "x-session-id": "s" });
    await send({ "x-session-id": "s" }, [addresses[0]]);
    expect(seen).toEqual([-1, 1, -1]);
  });
});
