import { type FakeEndpoint, fakeCall } from "@outrider/plugin-sdk/testing";

/** Data that producers write, and what value they have for a candidate. */
const data: Readonly<Record<string, (slot: number) => number>> = {
  "data.prefix_match_blocks": (slot) => slot % 40,
  "data.prefix_total_blocks": () => 64,
  "data.uncached_tokens": (slot) => 4_096 - 64 * (slot % 40),
  "data.inflight_tokens": (slot) => 900 * (slot % 7),
  "data.predicted_ttft_ms": (slot) => 80 + slot,
  "data.predicted_ttft_ms_p90": (slot) => 160 + slot,
  "data.predicted_tpot_ms": (slot) => 12 + (slot % 9),
  "data.predicted_tpot_ms_p90": (slot) => 20 + (slot % 9),
};

/**
 * A call about endpoints of which everything is known, for a request of which everything is told.
 * @param isCold whether nobody has anything of its prompt.
 */
export function fullCall(endpoints: number, isCold: boolean) {
  const slots = Array.from({ length: endpoints }, (_, slot) => slot);
  return fakeCall({
    pool: slots.map(toEndpoint),
    peers: [{ profile: "prefill", slot: 3 }],
    data: Object.fromEntries(
      Object.entries(data).map(([key, toValue]) => [
        key,
        slots.map(isCold && key === "data.prefix_match_blocks" ? () => 0 : toValue),
      ]),
    ),
    request: {
      lora: "adapter-3",
      sessionKey: "session-1",
      pinnedSlot: 7,
      promptTokens: 4_096,
      maxOutputTokens: 256,
      sloTtftMs: 250,
      sloTpotMs: 25,
      headers: { "x-team": "a" },
      blockHashes: Uint32Array.from({ length: 128 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
      blockSizeTokens: 64,
    },
  });
}

function toEndpoint(slot: number): FakeEndpoint {
  return {
    waiting_requests: slot % 13,
    running_requests: slot % 29,
    kv_cache_usage: (slot % 97) / 100,
    kv_block_tokens: 16,
    kv_total_blocks: 10_000,
    max_adapters: 4,
    foreign_requests: slot % 5,
    "rate.prompt_tokens": 4_000 + slot,
    "rate.output_tokens": 900 + slot,
    "rate.saturated_tokens": 6_000 + slot,
    inflight_requests: slot % 11,
    inflight_prompt_tokens: 300 * (slot % 11),
    inflight_output_tokens: 50 * (slot % 11),
    labels: {
      zone: slot % 2 === 0 ? "a" : "b",
      "kubernetes.io/hostname": `host-${slot >> 3}`,
      "topology.kubernetes.io/rack": `rack-${slot >> 4}`,
      "topology.kubernetes.io/zone": slot % 2 === 0 ? "a" : "b",
      "llm-d.ai/context-length-range": `0-${1_000 * (1 + (slot % 9))}`,
    },
    sets: { models: ["m"], adapters_running: [`adapter-${slot % 6}`, "other"], adapters_waiting: ["third"] },
  };
}
