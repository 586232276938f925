import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { fakeCall, fakeSnapshot } from "@outrider/plugin-sdk/testing";
import { plugins } from "outrider/plugins";

/** Blocks of every prompt. */
export const promptBlocks = 64;
/** Prompts that are asked for again and again, in turn. */
const popularPrompts = 500;
/** Share of the endpoints that hold something of a popular prompt; every other one holds half of it. */
const holderShare = 0.1;

/** A `prefix-cache` scorer that has learned. */
export interface FilledIndex {
  readonly endpoints: number;
  readonly blocks: number;
  /** Blocks held, one that several endpoints hold counted for each. */
  readonly pairs: number;
  /** Memory that the arrays of the process took more than before, in bytes. */
  readonly bytes: number;
  /** Scores all endpoints for the next popular prompt. */
  score(): void;
  /** Scores all endpoints for a prompt with these hashes. */
  scoreFor(blockHashes: Uint32Array): void;
}

/** Has a scorer learn popular prompts, and others that one endpoint holds each, up to so many blocks. */
export async function fillIndex(endpoints: number, blocks: number): Promise<FilledIndex> {
  const bytesBefore = arrayBytes();
  const scorer = await createScorer();
  const snapshot = fakeSnapshot(
    Array.from({ length: endpoints }, () => ({ kv_total_blocks: 10_000_000, kv_block_tokens: 64 })),
  );
  scorer.endpointsChanged?.({ removedSlots: [], upserted: [...snapshot.live].map((slot) => snapshot.at(slot)!) });
  const one = new Float32Array(1);
  let pairs = 0;
  const learn = (slot: number, blockHashes: Uint32Array) => {
    const request = { blockHashes, blockSizeTokens: 64 };
    const call = fakeCall({ pool: snapshot, candidates: [slot], request });
    void scorer.score(call, one);
    const told = { promptTokens: 0, ownScore: 0, totalScore: 0, fallback: false, picks: [] };
    scorer.feedback?.({ kind: "picked", callId: call.callId, slot, atMs: 0, ...told });
    const counts = { status: 200, cachedTokens: 0, outputTokens: 0, ttftUs: 1, e2eMs: 1, promptTokens: 0 };
    scorer.feedback?.({ kind: "done", callId: call.callId, slot, atMs: 1, cause: "ok", ...counts });
    pairs += blockHashes.length / 2;
  };
  const popular = Array.from({ length: popularPrompts }, () => randomHashes(promptBlocks));
  for (const [i, prompt] of popular.entries()) {
    for (let holder = 0; holder < holderShare * endpoints; holder++) {
      learn((holder * 7 + i) % endpoints, holder % 2 === 0 ? prompt : prompt.slice(0, promptBlocks));
    }
  }
  for (let held = popularPrompts; held < blocks / promptBlocks; held++)
    learn(held % endpoints, randomHashes(promptBlocks));
  const bytes = arrayBytes() - bytesBefore;
  const scores = new Float32Array(endpoints);
  const toCall = (blockHashes: Uint32Array) =>
    fakeCall({ pool: snapshot, request: { blockHashes, blockSizeTokens: 64 } });
  const calls = popular.map(toCall);
  let next = 0;
  return {
    endpoints,
    blocks: Math.max(popularPrompts, Math.ceil(blocks / promptBlocks)) * promptBlocks,
    pairs,
    bytes,
    score: () => void scorer.score(calls[next++ % calls.length]!, scores),
    scoreFor: (blockHashes) => void scorer.score(toCall(blockHashes), scores),
  };
}

async function createScorer() {
  const definition = await plugins["prefix-cache"]!.load();
  if (definition.kind !== "scorer") throw new Error("prefix-cache is no scorer");
  const config = definition.config.safeParse({ maxBlocks: 100_000_000 });
  if (!config.success) throw new Error("prefix-cache refuses its parameters");
  return definition.create(config.data as never);
}

function randomHashes(blocks: number): Uint32Array {
  return Uint32Array.from({ length: 2 * blocks }, () => Math.random() * 2 ** 32);
}

/** Bytes of all arrays that are in use. */
function arrayBytes(): number {
  setFlagsFromString("--expose-gc");
  // What one collection finds unused, the next ones give back.
  for (let i = 0; i < 3; i++) runInNewContext("gc")();
  return process.memoryUsage().arrayBuffers;
}
