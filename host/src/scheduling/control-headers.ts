import type { Door } from "./types.ts";

/** Request headers that are read here and meant for nobody behind. */
const controlHeaders: readonly string[] = [
  "x-llm-d-inference-fairness-id",
  "x-gateway-inference-fairness-id",
  "x-llm-d-inference-objective",
  "x-gateway-inference-objective",
  "x-llm-d-model-name-rewrite",
  "x-gateway-model-name-rewrite",
  "x-llm-d-slo-ttft-ms",
  "x-slo-ttft-ms",
  "x-llm-d-slo-tpot-ms",
  "x-slo-tpot-ms",
  "x-llm-d-video-fps",
  "x-llm-d-video-duration-seconds",
  "x-llm-d-video-resolution",
  "x-gateway-destination-endpoint-subset",
  "x-gateway-destination-endpoint-served",
];

const control: ReadonlySet<string> = new Set(controlHeaders);

/** Whether a header, in lower case, is read here and meant for nobody behind. */
export function isControlHeader(name: string): boolean {
  return control.has(name);
}

/**
 * Request headers that stay behind, by door: those that a profile handler sets alone, and control headers. To Envoy the
 * reference EPP says nothing of control headers, so that they go on with the request: neither do we.
 * @param own of the profile handler.
 */
export function removedHeaders(own: readonly string[]): Readonly<Record<Door, readonly string[]>> {
  const all = own.length === 0 ? controlHeaders : [...controlHeaders, ...own];
  return { ext_proc: own, gateway: all, pick: all };
}
