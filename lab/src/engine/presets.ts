/** A GPU as the step-time model sees it. */
export interface Hardware {
  /** Memory of one device, in bytes, as its driver reports it. */
  readonly memoryBytes: number;
  /** Peak memory bandwidth, in bytes a second. Source: data sheet. */
  readonly bandwidthBytesPerS: number;
  /** Peak dense bf16 rate, in FLOP a second. Source: data sheet. */
  readonly peakFlops: number;
  /**
   * Share of the peak that a prefill reaches, in [0, 1], on several devices, all-reduce included. H100: fitted to
   * published TTFT; the others: published roofline figures.
   */
  readonly prefillEfficiency: number;
  /** The same on one device, which exchanges nothing; derived from the H100's ratio of the two where unpublished. */
  readonly prefillEfficiencySingle: number;
}

/** A dense transformer as the step-time model sees it; weights and KV cache in bf16. */
export interface ModelShape {
  /** Weights, as a count of parameters. */
  readonly parameters: number;
  /** Transformer layers. */
  readonly layers: number;
  /** Query heads a layer. */
  readonly heads: number;
  /** Key-value heads a layer. */
  readonly kvHeads: number;
  /** Width of one head. */
  readonly headSize: number;
}

/** GPUs by name. */
export const hardwarePresets = {
  h100: gpu(80 * 2 ** 30, 3.35e12, 989.5e12, 0.45, 0.6),
  h200: gpu(143_771 * 2 ** 20, 4.8e12, 989.5e12, 0.45, 0.6),
  a100: gpu(80 * 2 ** 30, 2.039e12, 312e12, 0.38, 0.51),
  l40s: gpu(46_068 * 2 ** 20, 0.864e12, 362e12, 0.32, 0.43),
} as const satisfies Readonly<Record<string, Hardware>>;

/** Models by name; figures from their published configurations. */
export const modelPresets = {
  "qwen3-32b": { parameters: 32.8e9, layers: 64, heads: 64, kvHeads: 8, headSize: 128 },
  "llama-3.3-70b": { parameters: 70.6e9, layers: 80, heads: 64, kvHeads: 8, headSize: 128 },
  "llama-3.1-8b": { parameters: 8.03e9, layers: 32, heads: 32, kvHeads: 8, headSize: 128 },
} as const satisfies Readonly<Record<string, ModelShape>>;

/** What one model server runs on: enough to know its step time and its KV capacity. */
export interface EngineShape {
  /** The model it serves. */
  readonly model: ModelShape;
  /** Each of its devices. */
  readonly hardware: Hardware;
  /** Devices that share the weights, at least 1. */
  readonly tensorParallel: number;
}

/**
 * Reads `MODEL:HARDWARE:TP`, such as `qwen3-32b:h100:2`, names as in the presets.
 * @throws {RangeError} for a name or count it does not know; the message lists what it knows.
 */
export function parseEngineShape(text: string): EngineShape {
  const [model = "", hardware = "", devices = "1"] = text.split(":");
  return {
    model: preset(modelPresets, model, `model of engine "${text}"`),
    hardware: preset(hardwarePresets, hardware, `hardware of engine "${text}"`),
    tensorParallel: checkDevices(devices, text),
  };
}

function gpu(
  memoryBytes: number,
  bandwidthBytesPerS: number,
  peakFlops: number,
  prefillEfficiency: number,
  prefillEfficiencySingle: number,
): Hardware {
  return { memoryBytes, bandwidthBytesPerS, peakFlops, prefillEfficiency, prefillEfficiencySingle };
}

function preset<T>(presets: Readonly<Record<string, T>>, name: string, subject: string): T {
  const found = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (found === undefined) throw new RangeError(`${subject}: "${name}" is none of ${Object.keys(presets).join(", ")}`);
  return found;
}

function checkDevices(text: string, engine: string): number {
  const devices = Number(text);
  if (Number.isInteger(devices) && devices >= 1) return devices;
  throw new RangeError(`tensor parallel of engine "${engine}": "${text}" is no whole number of at least 1`);
}
