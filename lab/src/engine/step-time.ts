import type { EngineShape } from "./presets.ts";

const weightBytes = 2;
const kvValueBytes = 2;
/** Share of the peak bandwidth that reading weights and KV cache reaches; fitted to published throughput. */
const bandwidthEfficiency = 0.9;
/** Share of KV reads that sequences on one block share, because the second finds it in the L2 cache; fitted. */
const sharedReadShare = 0.6;
const stepOverheadMs = 1.5;
const layerOverheadMs = 0.02;
const sequenceOverheadMs = 0.06;
/** vLLM's default `--gpu-memory-utilization`. */
const memoryShare = 0.92;
const activationBytes = 5.5 * 2 ** 30;
const otherBytes = 0.15 * 2 ** 30;

/** What one engine step takes. A step costs the greater of memory traffic and arithmetic, and a fixed overhead. */
export interface StepTime {
  /** Time that each token more in the KV cache adds to a decode step, in ms. */
  readonly kvTokenMs: number;
  /**
   * One step, in ms.
   * @param decoding sequences that decode in it.
   * @param contextTokens sum of their contexts.
   * @param distinctTokens tokens in the distinct KV blocks they reference: at most `contextTokens`.
   * @param prefillTokens prompt tokens computed in it, of all sequences together.
   * @param attendedTokens sum over the prefill chunks of chunk length × context at the chunk's middle.
   */
  stepMs(
    decoding: number,
    contextTokens: number,
    distinctTokens: number,
    prefillTokens: number,
    attendedTokens: number,
  ): number;
}

/** The step time of one engine; constants fitted to published runs of Qwen3-32B on H100, see the README. */
export function createStepTime({ model, hardware, tensorParallel }: EngineShape): StepTime {
  const bytesPerMs = (hardware.bandwidthBytesPerS * bandwidthEfficiency) / 1000;
  const efficiency = tensorParallel === 1 ? hardware.prefillEfficiencySingle : hardware.prefillEfficiency;
  const flopsPerMs = (tensorParallel * hardware.peakFlops * efficiency) / 1000;
  const fixedMs = stepOverheadMs + layerOverheadMs * model.layers;
  const weightsMs = (weightBytes * model.parameters) / tensorParallel / bytesPerMs;
  const kvTokenMs = kvTokenBytes({ model, hardware, tensorParallel }) / tensorParallel / bytesPerMs;
  const prefillTokenMs = (2 * model.parameters) / flopsPerMs;
  const attendedTokenMs = (4 * model.layers * model.heads * model.headSize) / flopsPerMs;
  return {
    kvTokenMs,
    stepMs(decoding, contextTokens, distinctTokens, prefillTokens, attendedTokens) {
      const kvMs = kvTokenMs * (sharedReadShare * distinctTokens + (1 - sharedReadShare) * contextTokens);
      const prefillMs = prefillTokenMs * prefillTokens + attendedTokenMs * attendedTokens;
      return fixedMs + sequenceOverheadMs * decoding + kvMs + Math.max(weightsMs, prefillMs);
    },
  };
}

/**
 * Tokens that fit an engine's KV cache beside its weights.
 * @throws {RangeError} when the weights leave no room.
 */
export function kvCapacityTokens(shape: EngineShape): number {
  const { model, hardware, tensorParallel } = shape;
  const perDevice = hardware.memoryBytes * memoryShare - (weightBytes * model.parameters) / tensorParallel;
  const tokens = Math.floor(((perDevice - activationBytes - otherBytes) * tensorParallel) / kvTokenBytes(shape));
  if (tokens > 0) return tokens;
  const gib = (hardware.memoryBytes / 2 ** 30).toFixed(0);
  throw new RangeError(`${model.parameters} parameters leave no KV cache on ${tensorParallel} × ${gib} GiB`);
}

/** KV cache of one token over all devices, in bytes. */
function kvTokenBytes({ model }: EngineShape): number {
  return 2 * model.layers * model.kvHeads * model.headSize * kvValueBytes;
}
