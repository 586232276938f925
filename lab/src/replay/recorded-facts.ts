import type { CycleFacts } from "@outrider/core";
import type { Decision, Facts } from "@outrider/protos/record";

/** What a configuration makes of a request besides what was recorded of it. */
export interface FactsChange {
  /** Priority of its objective. */
  readonly priority: number;
  /** Candidates that its session is pinned to. */
  readonly pins: ReadonlyMap<string, number>;
  /** The one that scorers see; -1 = none. */
  readonly pinnedSlot: number;
}

/** Facts of a recorded request, as its decision had them. @param change what of them another configuration makes. */
export function toFacts({ facts, multimodal }: Decision, kept: Facts, change?: FactsChange): CycleFacts {
  const { promptText = "", tokenIdsU32le = noBytes, blockHashesU64le = noBytes, blockSize = 0 } = kept.facts ?? {};
  return {
    model: facts?.model ?? "",
    lora: facts?.lora ?? "",
    priority: change?.priority ?? facts?.priority ?? 0,
    objective: facts?.objective ?? "",
    fairnessId: facts?.fairnessId ?? "",
    sessionKey: facts?.sessionKey ?? "",
    pinnedSlot: change?.pinnedSlot ?? (facts?.pinnedSlotPlus1 ?? 0) - 1,
    pins: change?.pins ?? toPins(kept),
    promptTokens: facts?.promptTokens ?? 0,
    promptText,
    tokenIds: toWords(tokenIdsU32le),
    blockHashes: toWords(blockHashesU64le),
    blockSizeTokens: blockSize,
    headers: facts?.headers ?? {},
    maxOutputTokens: facts?.maxOutputTokens ?? 0,
    stream: facts?.stream ?? false,
    requestId: facts?.requestId ?? "",
    sloTtftMs: facts?.sloTtftMs ?? 0,
    sloTpotMs: facts?.sloTpotMs ?? 0,
    multimodal,
  };
}

const noBytes = new Uint8Array(0);

function toPins({ pins }: Facts): ReadonlyMap<string, number> {
  return new Map(pins.map(({ profile, slot }) => [profile, slot]));
}

/** Whole words, low byte first; what is left over at the end is none. */
export function toWords(bytes: Uint8Array): Uint32Array {
  const { BYTES_PER_ELEMENT: wordBytes } = Uint32Array;
  const words = new Uint32Array(Math.floor(bytes.length / wordBytes));
  new Uint8Array(words.buffer).set(bytes.subarray(0, words.byteLength));
  return words;
}
