import type { Arrival } from "../contract/index.ts";

/** A stream of arrivals and where it is read. */
interface Head {
  readonly batches: AsyncIterator<readonly Arrival[]>;
  batch: readonly Arrival[];
  next: number;
}

/** Streams of arrivals as one, in the order of time; of those at once the first stream's is first. */
export async function* mergeArrivals(
  streams: readonly AsyncIterable<readonly Arrival[]>[],
): AsyncGenerator<readonly Arrival[], void, void> {
  const opened = streams.map((stream): Head => ({ batches: stream[Symbol.asyncIterator](), batch: [], next: 0 }));
  try {
    let heads = await fill(opened);
    while (heads.length > 1) {
      yield takeUntilEmpty(heads);
      heads = await fill(heads);
    }
    for (const { batch, next, batches } of heads) {
      yield batch.slice(next);
      yield* { [Symbol.asyncIterator]: () => batches };
    }
  } finally {
    for (const { batches } of opened) await batches.return?.();
  }
}

/** Heads that have arrivals, in their order; those at the end of a batch read their next. */
async function fill(heads: readonly Head[]): Promise<readonly Head[]> {
  const open: Head[] = [];
  for (const head of heads) {
    while (head.next === head.batch.length) {
      const { done, value } = await head.batches.next();
      if (done === true) break;
      head.batch = value;
      head.next = 0;
    }
    if (head.next < head.batch.length) open.push(head);
  }
  return open;
}

/** What is certain to be next: until one of the heads is at the end of its batch. */
function takeUntilEmpty(heads: readonly Head[]): readonly Arrival[] {
  const taken: Arrival[] = [];
  for (;;) {
    const head = heads.reduce((first, other) => (timeOf(other) < timeOf(first) ? other : first));
    taken.push(head.batch[head.next++]!);
    if (head.next === head.batch.length) return taken;
  }
}

function timeOf({ batch, next }: Head): number {
  return batch[next]!.atMs;
}
