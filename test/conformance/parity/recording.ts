import { createRandom, type DoneCause, type RequestFacts } from "@outrider/core";

/** One change of the endpoint table. Endpoints are named by id: a slot is found when the change is made. */
export type TableEdit =
  | {
      readonly kind: "upsert";
      readonly id: string;
      readonly address: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly sets: Readonly<Record<string, readonly string[]>>;
    }
  | { readonly kind: "remove"; readonly id: string }
  | { readonly kind: "restart"; readonly id: string }
  | {
      readonly kind: "value";
      readonly id: string;
      readonly key: string;
      /** `NaN` = unknown from now on. */
      readonly value: number;
      /** Before the frame's time, in ms. */
      readonly ageMs: number;
    };

/** One request to decide. */
export interface RecordedRequest {
  readonly facts: RequestFacts;
  readonly seed: number;
  /** Seed of the choice of candidates among the endpoints there are. */
  readonly candidateSeed: number;
}

/** What becomes of one request, the oldest that is still open first. */
export interface RecordedEnd {
  readonly isPicked: boolean;
  readonly chunks: number;
  readonly cause: DoneCause;
  readonly outputTokens: number;
  readonly ttftUs: number;
  readonly e2eMs: number;
}

/** One step of a recording. */
export type Frame = {
  /** The host's clock, Unix ms with fractions. */
  readonly atMs: number;
} & (
  | { readonly kind: "state"; readonly edits: readonly TableEdit[] }
  /** Requests that come within one turn of the event loop. */
  | { readonly kind: "requests"; readonly requests: readonly RecordedRequest[] }
  | { readonly kind: "feedback"; readonly ends: readonly RecordedEnd[] }
  | { readonly kind: "inflight"; readonly id: string; readonly counts: readonly [number, number, number] }
  /** All connections break, and are made anew. */
  | { readonly kind: "reconnect" }
);

const startMs = Date.UTC(2026, 0, 1);
const endpointCount = 48;
const columns = [
  "waiting_requests",
  "running_requests",
  "kv_cache_usage",
  "kv_block_tokens",
  "kv_total_blocks",
  "max_adapters",
  "metric.custom",
];
const causes: readonly DoneCause[] = [
  "ok",
  "ok",
  "ok",
  "client_cancelled",
  "upstream_error",
  "never_sent",
  "evicted",
  "unknown",
];
const models = ["llama-3-8b", "qwen-2-7b", ""];

/**
 * What plugins are not granted is not in it: out of the host's process they would not see it, and inline they do.
 * The same frames for the same seed: `count` of them, two reconnects among them.
 */
export function createRecording(seed: number, count: number): readonly Frame[] {
  const dice = createDice(seed);
  let atMs = startMs;
  const first: Frame = { atMs, kind: "state", edits: Array.from({ length: 12 }, (_, i) => upsert(dice, i)) };
  const reconnects = new Set([Math.floor(count / 3), Math.floor((2 * count) / 3)]);
  const frames: Frame[] = [first];
  while (frames.length < count) {
    atMs += dice.between(0, 40) + dice.share();
    frames.push(reconnects.has(frames.length) ? { atMs, kind: "reconnect" } : drawFrame(dice, atMs));
  }
  return frames;
}

interface Dice {
  share(): number;
  /** Whole, both ends included. */
  between(least: number, most: number): number;
  of<T>(values: readonly T[]): T;
  /** 32 bits. */
  word(): number;
}

function createDice(seed: number): Dice {
  const share = createRandom(seed);
  const between = (least: number, most: number) => least + Math.floor(share() * (most - least + 1));
  return {
    share,
    between,
    of: (values) => values[between(0, values.length - 1)]!,
    word: () => Math.floor(share() * 2 ** 32),
  };
}

function drawFrame(dice: Dice, atMs: number): Frame {
  const roll = dice.share();
  const several = <T>(most: number, draw: () => T) => Array.from({ length: dice.between(1, most) }, draw);
  if (roll < 0.62) return { atMs, kind: "requests", requests: several(2, () => drawRequest(dice)) };
  if (roll < 0.72) return { atMs, kind: "state", edits: several(12, () => drawEdit(dice)) };
  if (roll < 0.78) return { atMs, kind: "feedback", ends: several(24, () => drawEnd(dice)) };
  const counts = [dice.between(0, 9), dice.between(0, 5000), dice.between(0, 900)] as const;
  return { atMs, kind: "inflight", id: idOf(dice.between(0, endpointCount - 1)), counts };
}

function idOf(i: number): string {
  return `pool/vllm-${i}`;
}

function upsert(dice: Dice, i: number): TableEdit {
  const address = `10.0.${dice.between(0, 1)}.${i}:8000`;
  const zone = dice.of(["a", "b", "ü"]);
  const labels = { zone, "topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": `host-${i % 5}` };
  const sets = { models: [dice.of(models)], adapters_running: dice.share() < 0.5 ? [] : ["lora-1", "lora-2"] };
  return { kind: "upsert", id: idOf(i), address, labels, sets };
}

function drawEdit(dice: Dice): TableEdit {
  const i = dice.between(0, endpointCount - 1);
  const roll = dice.share();
  if (roll < 0.2) return upsert(dice, i);
  if (roll < 0.32) return { kind: "remove", id: idOf(i) };
  if (roll < 0.36) return { kind: "restart", id: idOf(i) };
  const key = dice.of(columns);
  const value = dice.share() < 0.1 ? Number.NaN : drawValue(dice, key);
  return { kind: "value", id: idOf(i), key, value, ageMs: dice.between(0, 3000) };
}

function drawValue(dice: Dice, key: string): number {
  if (key === "kv_cache_usage" || key === "metric.custom") return dice.share();
  if (key === "kv_block_tokens") return dice.of([16, 64]);
  return key === "kv_total_blocks" ? dice.between(10, 400) : dice.between(0, 60);
}

function drawRequest(dice: Dice): RecordedRequest {
  return { facts: drawFacts(dice), seed: dice.word(), candidateSeed: dice.word() };
}

function drawFacts(dice: Dice): RequestFacts {
  const session = dice.between(0, 20);
  const turns = dice.between(0, 24);
  const blockHashes = Uint32Array.from({ length: 2 * turns }, (_, word) =>
    Math.imul(session * 64 + word + 1, 0x9e3779b1),
  );
  return {
    model: dice.of(models),
    lora: dice.of(["", "lora-1"]),
    priority: dice.between(-5, 5),
    objective: dice.of(["", "chat"]),
    fairnessId: dice.of(["", "team-a"]),
    sessionKey: session === 0 ? "" : `session-${session}`,
    pinnedSlot: dice.between(-1, 9),
    promptTokens: dice.between(0, 9000),
    promptText: "Schöne Grüße, 世界 ".repeat(dice.between(0, 2)),
    tokenIds: Uint32Array.from({ length: dice.between(0, 40) }, () => dice.between(0, 128_000)),
    blockHashes,
    blockSizeTokens: 64,
    headers: { "x-team": dice.of(["a", "b"]) },
    maxOutputTokens: dice.between(0, 500),
    stream: dice.share() < 0.5,
    requestId: `r-${dice.word()}`,
    sloTtftMs: dice.between(0, 900),
    sloTpotMs: dice.between(0, 90),
  };
}

function drawEnd(dice: Dice): RecordedEnd {
  const cause = dice.of(causes);
  return {
    isPicked: cause !== "never_sent",
    chunks: dice.between(0, 3),
    cause,
    outputTokens: dice.between(0, 500),
    ttftUs: dice.between(0, 900_000) + dice.share(),
    e2eMs: dice.between(0, 9_000) + dice.share(),
  };
}
