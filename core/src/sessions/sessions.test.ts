import { describe, expect, it } from "vitest";
import { createEndpointTable } from "../table/endpoint-table.ts";
import { encodeSessionToken } from "./session-token.ts";
import { createSessions } from "./sessions.ts";
import type { PinnedSessions, SessionPins, Sessions } from "./types.ts";

const token: PinnedSessions = { kind: "token", profile: "", header: "x-session-token" };
const byId: PinnedSessions = {
  kind: "id",
  profile: "",
  sources: [
    { kind: "header", name: "x-session-id" },
    { kind: "header", name: "session_id" },
  ],
  ttlMs: 300_000,
  sweepMs: 10_000,
  maxSessions: 1_000,
  maxWaitingRequests: Number.POSITIVE_INFINITY,
};

/** Endpoints a, b and c in slots 0, 1 and 2. */
function openPool() {
  const table = createEndpointTable({ epoch: 1 });
  for (const id of ["a", "b", "c"]) {
    table.setReady(
      table.upsert({ id: `default/${id}`, address: `10.0.0.1:${table.slotOf("") + 2}`, labels: {} }),
      true,
    );
  }
  table.publish(0);
  const pin = (sessions: Sessions, headers: Readonly<Record<string, string>>, more: More = {}) => {
    const { snapshot = table.current, nowMs = 0, given } = more;
    const candidates = more.candidates ?? snapshot.live.filter((slot) => snapshot.ready[slot] === 1);
    return sessions.pin({ header: (name) => headers[name], given }, { snapshot, candidates, nowMs });
  };
  return { table, pin };
}

interface More {
  readonly snapshot?: ReturnType<typeof createEndpointTable>["current"];
  readonly candidates?: Uint32Array;
  readonly nowMs?: number;
  readonly given?: { readonly sessionKey: string };
}

const sendTo = (pins: SessionPins, slot: number) => pins.sent(() => slot);
const sessionsOf = (...pinned: readonly PinnedSessions[]) => createSessions({ pinned, shown: "" });

describe("a session by token", () => {
  const { table, pin } = openPool();
  const sessions = sessionsOf(token);
  const pinnedBy = (text: string, more?: More) => pin(sessions, { "x-session-token": text }, more).pinnedSlot;

  it("goes to the endpoint that the token names", () => {
    expect(pinnedBy(encodeSessionToken("default/b"))).toBe(1);
    expect(pin(sessions, {}).pinnedSlot).toBe(-1);
  });

  const candidates = Uint32Array.of(0, 2);
  it("never goes to an endpoint that is no candidate, whoever made the token", () => {
    expect(pinnedBy(encodeSessionToken("default/b"), { candidates })).toBe(-1);
    expect(pinnedBy(encodeSessionToken("default/c"), { candidates })).toBe(2);
  });

  const forged = ["default/z", "", "default/b\0", "DEFAULT/B", "b", "0", "__proto__"].map(encodeSessionToken);
  for (const text of [...forged, "ZGVmYXVsdC9i\n", "ZGVmYXVsdC9", "\ufffd", "x".repeat(10_000)]) {
    it(`goes anywhere with ${JSON.stringify(text.slice(0, 20))}`, () => expect(pinnedBy(text)).toBe(-1));
  }

  it("knows nothing of an endpoint that has left, nor takes the one that has its slot for it", () => {
    const text = encodeSessionToken("default/b");
    table.remove("default/b");
    table.publish(1);
    expect(pinnedBy(text)).toBe(-1);
    table.setReady(table.upsert({ id: "default/d", address: "10.0.0.9:80", labels: {} }), true);
    table.publish(2);
    expect(pinnedBy(text)).toBe(-1);
    table.setReady(table.upsert({ id: "default/b", address: "10.0.0.2:80", labels: {} }), true);
    table.publish(3);
    expect(pinnedBy(text)).toBe(table.slotOf("default/b"));
  });

  it("leaves nothing behind", () => {
    sendTo(pin(sessions, { "x-session-token": "x" }), 0);
    expect(sessions.count()).toBe(0);
  });
});

describe("a session by id", () => {
  it("stays where its first request was sent", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    const first = pin(sessions, { "x-session-id": "s" });
    expect(first.pinnedSlot).toBe(-1);
    sendTo(first, 1);
    const second = pin(sessions, { "x-session-id": "s" });
    expect([second.pinnedSlot, second.slots.get("")]).toEqual([1, 1]);
    expect(pin(sessions, { "x-session-id": "t" }).pinnedSlot).toBe(-1);
  });

  it("goes by the first source that is there", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), 1);
    sendTo(pin(sessions, { session_id: "t" }), 2);
    expect(pin(sessions, { "x-session-id": "s", session_id: "t" }).pinnedSlot).toBe(1);
  });

  it("goes by what the gateway says before any header", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }, { given: { sessionKey: "t" } }), 2);
    expect(pin(sessions, { "x-session-id": "t" }).pinnedSlot).toBe(2);
    expect(pin(sessions, { "x-session-id": "s" }, { given: { sessionKey: "" } }).pinnedSlot).toBe(-1);
  });

  it("stays although others were picked for it, as when load outweighs it", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), 1);
    sendTo(pin(sessions, { "x-session-id": "s" }), 2);
    expect(pin(sessions, { "x-session-id": "s" }).pinnedSlot).toBe(1);
  });

  it("stays although its endpoint is no candidate of one request", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), 1);
    const elsewhere = pin(sessions, { "x-session-id": "s" }, { candidates: Uint32Array.of(0, 2) });
    expect(elsewhere.pinnedSlot).toBe(-1);
    sendTo(elsewhere, 2);
    expect(pin(sessions, { "x-session-id": "s" }).pinnedSlot).toBe(1);
  });

  it("stays where the first of two requests at once was sent", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    const both = [pin(sessions, { "x-session-id": "s" }), pin(sessions, { "x-session-id": "s" })] as const;
    sendTo(both[0], 0);
    sendTo(both[1], 2);
    expect(pin(sessions, { "x-session-id": "s" }).pinnedSlot).toBe(0);
  });

  const leaving: readonly { readonly title: string; readonly leave: (table: Table) => void }[] = [
    { title: "gone", leave: (table) => table.remove("default/b") },
    { title: "drained", leave: (table) => table.setReady(1, false) },
  ];
  for (const { title, leave } of leaving) {
    it(`migrates once its endpoint is ${title}, and does not come back`, () => {
      const { table, pin } = openPool();
      const sessions = sessionsOf(byId);
      sendTo(pin(sessions, { "x-session-id": "s" }), 1);
      leave(table);
      table.publish(1);
      const free = pin(sessions, { "x-session-id": "s" });
      expect(free.pinnedSlot).toBe(-1);
      sendTo(free, 2);
      table.setReady(table.upsert({ id: "default/b", address: "10.0.0.1:1", labels: {} }), true);
      table.publish(2);
      expect(pin(sessions, { "x-session-id": "s" }).pinnedSlot).toBe(2);
    });
  }

  it("stays where no endpoint is ready at all", () => {
    const { table, pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), 1);
    for (const slot of [0, 1, 2]) table.setReady(slot, false);
    table.publish(1);
    expect(pin(sessions, { "x-session-id": "s" }, { candidates: Uint32Array.of(0, 1, 2) }).pinnedSlot).toBe(1);
  });

  const loads = [
    { title: "migrates from above its limit", waiting: 5, want: 2 },
    { title: "stays at its limit", waiting: 4, want: 1 },
    { title: "stays where the queue is unknown", waiting: Number.NaN, want: 1 },
  ];
  for (const { title, waiting, want } of loads) {
    it(title, () => {
      const { table, pin } = openPool();
      const sessions = sessionsOf({ ...byId, maxWaitingRequests: 4 });
      sendTo(pin(sessions, { "x-session-id": "s" }), 1);
      table.setValue(1, "waiting_requests", waiting, 1);
      table.publish(1);
      sendTo(pin(sessions, { "x-session-id": "s" }), 2);
      table.setValue(1, "waiting_requests", 0, 2);
      table.publish(2);
      expect(pin(sessions, { "x-session-id": "s" }).pinnedSlot).toBe(want);
    });
  }

  it("is forgotten after its time by the clock it is told", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), 1);
    expect(pin(sessions, { "x-session-id": "s" }, { nowMs: 299_999 }).pinnedSlot).toBe(1);
    expect(pin(sessions, { "x-session-id": "s" }, { nowMs: 300_000 }).pinnedSlot).toBe(-1);
  });

  it("is told from others by ids of 10 kB and of what is no UTF-8", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    const ids = ["k".repeat(10_000), `${"k".repeat(9_999)}l`, "\ufffd\ufffd", "\ufffd", "\ud800"];
    for (const [i, id] of ids.entries()) sendTo(pin(sessions, { "x-session-id": id }), i % 3);
    expect(ids.slice(0, 3).map((id) => pin(sessions, { "x-session-id": id }).pinnedSlot)).toEqual([0, 1, 2]);
  });

  it("is not bound where nothing was picked", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId);
    sendTo(pin(sessions, { "x-session-id": "s" }), -1);
    expect(sessions.count()).toBe(0);
  });
});

type Table = ReturnType<typeof createEndpointTable>;

describe("sessions of several profiles", () => {
  const prefill: PinnedSessions = { ...byId, profile: "prefill" };

  it("are pinned each to its own pick, and scorers see the one that is theirs", () => {
    const { pin } = openPool();
    const sessions = createSessions({ pinned: [byId, prefill], shown: "prefill" });
    pin(sessions, { "x-session-id": "s" }).sent((profile) => (profile === "prefill" ? 0 : 2));
    const pins = pin(sessions, { "x-session-id": "s" });
    expect([pins.slots.get(""), pins.slots.get("prefill"), pins.pinnedSlot]).toEqual([2, 0, 0]);
  });

  it("keep the pick of a profile that has not run this time", () => {
    const { pin } = openPool();
    const sessions = sessionsOf(byId, prefill);
    pin(sessions, { "x-session-id": "s" }).sent(() => 1);
    pin(sessions, { "x-session-id": "s" }).sent((profile) => (profile === "" ? 1 : -1));
    expect(pin(sessions, { "x-session-id": "s" }).slots.get("prefill")).toBe(1);
  });

  it("say which response headers get whose token", () => {
    const own: PinnedSessions = { kind: "token", profile: "prefill", header: "x-p" };
    expect(sessionsOf(token, own, { ...byId, profile: "encode" }).tokenHeaders).toEqual([
      { header: "x-session-token", profile: "" },
      { header: "x-p", profile: "prefill" },
    ]);
  });
});

describe("sessions of a changed configuration", () => {
  it("stay where they were, under the limits of the new one", () => {
    const { pin } = openPool();
    const before = sessionsOf(byId);
    sendTo(pin(before, { "x-session-id": "s" }), 1);
    const after = createSessions({ pinned: [{ ...byId, ttlMs: 50 }], shown: "" }, before);
    expect(pin(after, { "x-session-id": "s" }, { nowMs: 49 }).pinnedSlot).toBe(1);
    expect(pin(after, { "x-session-id": "s" }, { nowMs: 50 }).pinnedSlot).toBe(-1);
  });

  it("of another profile are others", () => {
    const { pin } = openPool();
    const before = sessionsOf(byId);
    sendTo(pin(before, { "x-session-id": "s" }), 1);
    const after = createSessions({ pinned: [{ ...byId, profile: "prefill" }], shown: "prefill" }, before);
    expect(pin(after, { "x-session-id": "s" }).pinnedSlot).toBe(-1);
  });
});
