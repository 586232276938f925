/** Slots of the highest keys, best first, of equal ones the first; `keys` is used up. */
export function takeHighest(slots: Uint32Array, keys: Float64Array, count: number): number[] {
  const taken: number[] = [];
  while (taken.length < count) {
    let best = 0;
    for (let i = 1; i < keys.length; i++) if (keys[i] > keys[best]) best = i;
    taken.push(slots[best]);
    keys[best] = Number.NEGATIVE_INFINITY;
  }
  return taken;
}
