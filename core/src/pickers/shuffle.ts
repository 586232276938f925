/** Moves `count` of the items, chosen uniformly and in random order, to the front. */
export function shuffleFront<T extends number[] | Uint32Array>(items: T, count: number, random: () => number): T {
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random() * (items.length - i));
    const item = items[i];
    items[i] = items[other];
    items[other] = item;
  }
  return items;
}

/** Endpoints a picker names where `maxNumOfEndpoints` of the configuration is this: at least one, at most all. */
export function toPickCount(maxNumOfEndpoints: number | undefined, candidateCount: number): number {
  return Math.min(Math.max(maxNumOfEndpoints ?? 1, 1), candidateCount);
}
