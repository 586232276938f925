import type { SessionMemory } from "../contract/index.ts";

/** Which endpoint each session was sent to, by ids. */
export interface SessionBindings {
  /** Sessions that are remembered, those included that are due to be forgotten. */
  readonly size: number;
  /** Endpoint of a session; `undefined` where it has none, or had it too long ago. */
  find(key: string, nowMs: number): string | undefined;
  /** A request of a session goes to an endpoint: it is the session's from now on. */
  bind(key: string, endpoint: string, nowMs: number): void;
  /** The same sessions under other limits, from now on. */
  limit(memory: SessionMemory): void;
}

interface Binding {
  readonly endpoint: string;
  readonly usedAtMs: number;
}

/** An empty memory; goes by the times that it is told. */
export function createSessionBindings(memory: SessionMemory): SessionBindings {
  return new BoundSessions(memory);
}

class BoundSessions implements SessionBindings {
  /** The one that was used least recently first. */
  readonly #bindings = new Map<string, Binding>();
  #memory: SessionMemory;
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  constructor(memory: SessionMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#bindings.size;
  }

  find(key: string, nowMs: number): string | undefined {
    const binding = this.#bindings.get(key);
    return binding === undefined || this.#isOver(binding, nowMs) ? undefined : binding.endpoint;
  }

  bind(key: string, endpoint: string, nowMs: number): void {
    this.#bindings.delete(key);
    this.#sweep(nowMs);
    this.#bindings.set(key, { endpoint, usedAtMs: nowMs });
    this.#makeRoom();
  }

  limit(memory: SessionMemory): void {
    this.#memory = memory;
    this.#makeRoom();
  }

  #isOver({ usedAtMs }: Binding, nowMs: number): boolean {
    return nowMs - usedAtMs >= this.#memory.ttlMs;
  }

  /** Ends at the first that stays, since all behind it were used later. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < this.#memory.sweepMs) return;
    this.#sweptAtMs = nowMs;
    for (const [key, binding] of this.#bindings) {
      if (!this.#isOver(binding, nowMs)) return;
      this.#bindings.delete(key);
    }
  }

  #makeRoom(): void {
    for (const key of this.#bindings.keys()) {
      if (this.#bindings.size <= this.#memory.maxSessions) return;
      this.#bindings.delete(key);
    }
  }
}
