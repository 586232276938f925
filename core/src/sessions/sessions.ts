import { readSessionKey, toSessionKey } from "../facts/session-key.ts";
import { createSessionBindings, type SessionBindings } from "./session-bindings.ts";
import { decodeSessionToken } from "./session-token.ts";
import { createSlotFinder, type SlotFinder } from "./slot-finder.ts";
import type {
  PinnedSessions,
  SessionPins,
  SessionPool,
  SessionRequest,
  Sessions,
  SessionsSpec,
  TokenHeader,
} from "./types.ts";

/** Sessions of an `id` strategy. */
type RememberedSessions = Extract<PinnedSessions, { kind: "id" }>;

/** @param before sessions whose endpoints stay known, by the profile whose picks they are. */
export function createSessions(spec: SessionsSpec, before?: Sessions): Sessions {
  return new PinnedProfiles(spec, before instanceof PinnedProfiles ? before : undefined);
}

class PinnedProfiles implements Sessions {
  readonly spec: SessionsSpec;
  readonly tokenHeaders: readonly TokenHeader[];
  readonly finder: SlotFinder = createSlotFinder();
  /** By profile. */
  readonly bindings = new Map<string, SessionBindings>();

  constructor(spec: SessionsSpec, before: PinnedProfiles | undefined) {
    this.spec = spec;
    this.tokenHeaders = spec.pinned.flatMap((each) =>
      each.kind === "token" ? [{ header: each.header, profile: each.profile }] : [],
    );
    for (const each of spec.pinned) {
      if (each.kind !== "id") continue;
      const known = before?.bindings.get(each.profile);
      known?.limit(each);
      this.bindings.set(each.profile, known ?? createSessionBindings(each));
    }
  }

  pin(request: SessionRequest, pool: SessionPool): SessionPins {
    return new RequestPins(this, request, pool);
  }

  count(): number {
    return [...this.bindings.values()].reduce((sum, { size }) => sum + size, 0);
  }
}

/** What one request's session is pinned to, and its keys for when it is sent. */
class RequestPins implements SessionPins {
  readonly slots = new Map<string, number>();
  readonly #sessions: PinnedProfiles;
  readonly #pool: SessionPool;
  /** By profile; only those of sessions that are remembered. */
  readonly #keys = new Map<string, string>();

  constructor(sessions: PinnedProfiles, request: SessionRequest, pool: SessionPool) {
    this.#sessions = sessions;
    this.#pool = pool;
    for (const each of sessions.spec.pinned) {
      const slot = each.kind === "token" ? this.#byToken(request.header(each.header)) : this.#byId(each, request);
      if (slot >= 0 && pool.candidates.includes(slot)) this.slots.set(each.profile, slot);
    }
  }

  get pinnedSlot(): number {
    return this.slots.get(this.#sessions.spec.shown) ?? -1;
  }

  sent(pickedIn: (profile: string) => number): void {
    const { snapshot, nowMs } = this.#pool;
    for (const each of this.#sessions.spec.pinned) {
      const key = this.#keys.get(each.profile);
      if (each.kind !== "id" || key === undefined) continue;
      const bindings = this.#sessions.bindings.get(each.profile);
      const own = bindings?.find(key, nowMs);
      const picked = snapshot.at(pickedIn(each.profile))?.id;
      const endpoint = own !== undefined && this.#homeOf(own, each) >= 0 ? own : (picked ?? own);
      if (endpoint !== undefined) bindings?.bind(key, endpoint, nowMs);
    }
  }

  #byToken(token: string | undefined): number {
    const id = token === undefined ? undefined : decodeSessionToken(token);
    return id === undefined ? -1 : this.#sessions.finder.find(this.#pool.snapshot, id);
  }

  #byId(sessions: RememberedSessions, request: SessionRequest): number {
    const { sessionKey = "" } = request.given ?? {};
    const read = () => readSessionKey((name) => request.header(name), sessions.sources);
    const key = sessionKey === "" ? read() : toSessionKey(sessionKey);
    if (key === "") return -1;
    this.#keys.set(sessions.profile, key);
    const id = this.#sessions.bindings.get(sessions.profile)?.find(key, this.#pool.nowMs);
    return id === undefined ? -1 : this.#homeOf(id, sessions);
  }

  /** Slot of an endpoint that its sessions stay with; -1: it is gone, drained or above the limit. */
  #homeOf(id: string, { maxWaitingRequests }: RememberedSessions): number {
    const { snapshot, candidates } = this.#pool;
    const slot = this.#sessions.finder.find(snapshot, id);
    if (slot < 0 || (snapshot.ready[slot] !== 1 && !candidates.includes(slot))) return -1;
    return snapshot.columns.waitingRequests[slot] > maxWaitingRequests ? -1 : slot;
  }
}
