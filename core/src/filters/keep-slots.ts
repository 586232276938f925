/** Room for the longest list of slots there was so far; only used within a call. */
let scratch = new Uint32Array(0);

/** Those of the slots that pass, in their order; the slots themselves where all do. */
export function keepSlots(slots: Uint32Array, passes: (slot: number) => boolean): Uint32Array {
  if (scratch.length < slots.length) scratch = new Uint32Array(slots.length);
  let kept = 0;
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i];
    if (passes(slot)) scratch[kept++] = slot;
  }
  return kept === slots.length ? slots : scratch.slice(0, kept);
}

/** As {@link keepSlots}, by the position of a slot in the list. */
export function keepPositions(slots: Uint32Array, passes: (position: number) => boolean): Uint32Array {
  let position = 0;
  return keepSlots(slots, () => passes(position++));
}
