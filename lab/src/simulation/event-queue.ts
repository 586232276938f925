/** Something that happens at a time; where it is to be taken back, `run` is set to `undefined`. */
export interface QueuedEvent {
  /** Virtual ms from the start. */
  readonly atMs: number;
  /** Counts what was added: of two events at one time, the one that was added first comes first. */
  readonly order: number;
  /** What happens; a promise holds the virtual time until it settles. */
  run: (() => void | Promise<void>) | undefined;
}

/** Events in the order of their times, and of being added where these are the same. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #added = 0;

  /** Events that are still to come, those that were taken back included. */
  get size(): number {
    return this.#heap.length;
  }

  /** Adds an event; the time is not before that of the last one taken. */
  add(atMs: number, run: () => void | Promise<void>): QueuedEvent {
    const event = { atMs, order: this.#added++, run };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** Takes the next event out; `undefined` where there is none. */
  take(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    this.#sink();
    return first;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as QueuedEvent;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as QueuedEvent;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #sink(): void {
    const heap = this.#heap;
    const event = heap[0] as QueuedEvent;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as QueuedEvent, heap[child] as QueuedEvent)) child++;
      const below = heap[child] as QueuedEvent;
      if (isBefore(event, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = event;
  }
}

function isBefore(one: QueuedEvent, other: QueuedEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
