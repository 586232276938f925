import { createSessionAffinityFilter, createSessions, type PinnedSessions } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { ExtProcRequest } from "../ext-proc/ext-proc-request.ts";
import { HeaderList } from "../ext-proc/messages/header-list.ts";
import { good, openScheduling, post } from "./fixtures/open-scheduling.ts";
import type { IncomingRequest, Routed } from "./types.ts";

const addresses = ["10.0.0.1:8000", "10.0.0.2:8000", "10.0.0.3:8000"] as const;
const common = { profile: "", ttlMs: 300_000, sweepMs: 10_000, maxSessions: 50, maxWaitingRequests: 1e9 };
const sources = [{ kind: "header", name: "x-session-id" }] as const;

/** A pool whose third endpoint is the best. */
function open(pinned: PinnedSessions = { kind: "id", sources, ...common }) {
  const sessions = createSessions({ pinned: [pinned], shown: "" });
  const opened = openScheduling({ filters: [createSessionAffinityFilter("session", "")], rules: { sessions } });
  const send = async (request: IncomingRequest) => (await opened.scheduler.decide(request)) as Routed;
  const inSession = (id: string, subset?: readonly string[]) => send(post(good, subset, { "x-session-id": id }));
  return { ...opened, sessions, send, inSession };
}

/** A length-delimited field of a message, shorter than 128 bytes. */
const field = (number: number, bytes: Buffer) => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);

/** A request as Envoy shows it, with one header of any bytes. */
function withBytes(name: string, value: Buffer): IncomingRequest {
  const header = Buffer.concat([field(1, Buffer.from(name)), field(3, value)]);
  const map = field(1, header);
  const headers = new HeaderList(map);
  headers.add(0, map.length);
  return new ExtProcRequest(headers, [Buffer.from(good)], undefined);
}

describe("⚠ one byte that is not UTF-8 in a header kills the process", () => {
  const bytes = [Buffer.from([0xff]), Buffer.from([0xc3, 0x28]), Buffer.from("s\xe9ance", "latin1")];
  for (const value of bytes) {
    it(`here a session of ${value.toString("hex")} has a key like any other`, async () => {
      const { send, sessions, faults } = open();
      await send(withBytes("x-session-id", value));
      expect((await send(withBytes("x-session-id", value))).kind).toBe("routed");
      expect([sessions.count(), faults]).toEqual([1, []]);
    });

    it(`here a token of ${value.toString("hex")} is none`, async () => {
      const { send, faults } = open({ kind: "token", profile: "", header: "x-session-token" });
      expect((await send(withBytes("x-session-token", value))).destinations[0]).toBe(addresses[2]);
      expect(faults).toEqual([]);
    });
  }
});

describe("⚠ values that come from a request are not capped", () => {
  it("here ids of 10 kB leave no more than the sessions that are remembered", async () => {
    const { inSession, sessions } = open();
    for (let i = 0; i < 200; i++) await inSession(`${i}${"x".repeat(10_000)}`);
    expect(sessions.count()).toBe(50);
  });
});

describe("⚠ requests without a body ignore the subset", () => {
  it("here their sessions go where the subset allows, and are remembered", async () => {
    const { send, inSession } = open();
    const bare = (subset: readonly string[]): IncomingRequest => ({
      ...post(good, subset, { "x-session-id": "s" }),
      path: "/v1/models",
      body: undefined,
    });
    expect((await send(bare([addresses[0]]))).destinations[0]).toBe(addresses[0]);
    expect((await inSession("s")).destinations[0]).toBe(addresses[0]);
    expect((await send(bare([addresses[1]]))).destinations[0]).toBe(addresses[1]);
  });
});

describe("⚠ a session migrates as soon as its endpoint is missing among one request's candidates", () => {
  it("here a request that may not go there leaves the session where it is", async () => {
    const { inSession } = open();
    await inSession("s", [addresses[0]]);
    expect((await inSession("s", [addresses[1]])).destinations[0]).toBe(addresses[1]);
    expect((await inSession("s")).destinations[0]).toBe(addresses[0]);
  });
});
