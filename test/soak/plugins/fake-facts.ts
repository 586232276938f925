import type { RequestFacts } from "@outrider/core";

const hashWords = 24;

/** A request of a session of some turns, whose prompts share their beginnings. */
export function fakeFacts(i: number): RequestFacts {
  const group = i % 50;
  const blockHashes = Uint32Array.from({ length: hashWords }, (_, word) =>
    word < 12 ? group * 97 + word : i * 31 + word,
  );
  return {
    model: "llama-3-8b",
    lora: "",
    priority: 0,
    objective: "",
    fairnessId: "",
    sessionKey: `session-${group}`,
    pinnedSlot: -1,
    promptTokens: 768,
    promptText: "",
    tokenIds: new Uint32Array(0),
    blockHashes,
    blockSizeTokens: 64,
    headers: {},
    maxOutputTokens: 100,
    stream: true,
    requestId: `r-${i}`,
    sloTtftMs: 0,
    sloTpotMs: 0,
  };
}
