import { toMetricValue } from "./value.ts";

const header = `# HELP vllm:lora_requests_info Running stats on lora requests.
# TYPE vllm:lora_requests_info gauge
`;

/** The family `vllm:lora_requests_info` of one server. */
export interface LoraFamily {
  /**
   * The family's lines: nothing before the first request for an adapter; a series for every pair of sets there has
   * been, as vLLM never drops one, its value the Unix time in seconds when it was last in force.
   * @param running names of the adapters that running requests use; `waiting` those of queued ones.
   */
  render(running: readonly string[], waiting: readonly string[], nowS: number): string;
}

/** A family without series. */
export function createLoraFamily(maxLora: number): LoraFamily {
  const series = new Map<string, number>();
  return {
    render(running, waiting, nowS) {
      if (series.size === 0 && running.length + waiting.length === 0) return "";
      const labels = `max_lora="${maxLora}",running_lora_adapters="${running.join(",")}",waiting_lora_adapters="${waiting.join(",")}"`;
      series.set(labels, nowS);
      let text = header;
      for (const [own, timeS] of series) text += `vllm:lora_requests_info{${own}} ${toMetricValue(timeS)}\n`;
      return text;
    },
  };
}
