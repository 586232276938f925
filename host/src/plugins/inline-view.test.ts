import type { Need, RequestFacts } from "@outrider/core/contract";
import { createCallBytes, decodeScoreBatch, noFacts, toFactGrants } from "@outrider/transport";
import { fakeCall } from "@outrider/transport/testing";
import { describe, expect, it } from "vitest";
import { createInlineView } from "./inline-view.ts";

const request: RequestFacts = {
  model: "llama",
  lora: "poet",
  priority: -3,
  objective: "batch",
  fairnessId: "team-a",
  sessionKey: "s-1",
  pinnedSlot: 2,
  promptTokens: 12,
  promptText: "héllo wörld",
  tokenIds: Uint32Array.of(1, 2, 3),
  blockHashes: Uint32Array.of(4, 5),
  blockSizeTokens: 64,
  headers: { "x-team": "a", cookie: "secret" },
  maxOutputTokens: 100,
  stream: true,
  requestId: "r-1",
  sloTtftMs: 200,
  sloTpotMs: 20,
};

/** What a plugin in a process gets of the request. */
function transmitted(granted: readonly Need[]): RequestFacts {
  const bytes = createCallBytes();
  const header = { instance: 1, epoch: 1, rev: 1, allLive: false, grants: toFactGrants(granted), data: [] };
  bytes.add(fakeCall({ pool: [{}], request }), header);
  return decodeScoreBatch(Buffer.from(bytes.take())).calls[0]!.request;
}

const cases: readonly { readonly title: string; readonly granted: readonly Need[] }[] = [
  { title: "nothing", granted: [] },
  { title: "headers by name", granted: [{ key: "request.headers", names: ["X-Team", "x-none"] }] },
  { title: "all of the prompt", granted: [{ key: "request.prompt_text" }, { key: "request.block_hashes" }] },
  { title: "two bytes of the prompt", granted: [{ key: "request.prompt_text", maxBytes: 2 }] },
  { title: "two of the tokens", granted: [{ key: "request.token_ids", maxBytes: 2 }] },
  {
    title: "what only needs asking",
    granted: (["lora", "priority", "objective", "fairness_id", "session_key", "pinned_slot"] as const).map((name) => {
      return { key: `request.${name}` };
    }),
  },
  {
    title: "how it is to be answered",
    granted: (["max_output_tokens", "stream", "id", "slo"] as const).map((name) => ({ key: `request.${name}` })),
  },
];

describe("a module that runs inline", () => {
  for (const { title, granted } of cases) {
    it(`is shown what a process would be, granted ${title}`, () => {
      const seen = createInlineView(granted)(fakeCall({ pool: [{}], request })).request;
      const facts = Object.keys(noFacts) as (keyof RequestFacts)[];
      expect(Object.fromEntries(facts.map((fact) => [fact, seen[fact]]))).toEqual(transmitted(granted));
    });
  }

  it("sees the rest of the call as it is, and vetoes in it", () => {
    const call = fakeCall({ pool: [{}, {}], seed: 9 });
    const seen = createInlineView([])(call);
    seen.veto(1);
    expect([...call.vetoed!]).toEqual([0, 1]);
    expect([seen.seed, seen.callId, seen.candidates]).toEqual([9, call.callId, call.candidates]);
    expect(seen.random()).toBe(call.random());
  });
});
