import { readFileSync } from "node:fs";
import { createHistogram, type Histogram } from "./histogram.ts";
import { toMetricValue } from "./value.ts";

/**
 * A page of a real vLLM 0.32.0, 93 families, with `$names` where values differ from server to server, and zeros where
 * nothing is modelled. `$lora_requests_info` stands for a whole family, absent while no adapter was asked for.
 */
const template = readFileSync(new URL("template.txt", import.meta.url), "latin1");

/** Values of the page that change; by their names in the template. */
export const liveValues = [
  "running",
  "waiting",
  "kv_usage",
  "queried_tokens",
  "cached_tokens",
  "prompt_tokens",
  "prompt_cached_tokens",
  "prompt_computed_tokens",
  "generated_tokens",
  "preemptions",
  "ended_stop",
  "ended_length",
  "ended_abort",
] as const;

/** A value that changes. */
export type LiveValue = (typeof liveValues)[number];

/** One server's `/metrics`. */
export interface MetricsPage {
  /** The histograms asked for, by family. */
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** Most bytes that `render` writes, but for `loraFamily`. */
  readonly maxBytes: number;
  /**
   * Writes the page, plain ASCII, to the start of `page`.
   * @param live a value for each of `liveValues`.
   * @param loraFamily lines of `vllm:lora_requests_info`, each ended by a newline, or nothing.
   * @returns its length in bytes.
   */
  render(page: Buffer, live: Readonly<Record<LiveValue, number>>, loraFamily: string): number;
}

const maxValueBytes = 32;

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "live"; readonly name: LiveValue }
  | { readonly kind: "histogram"; readonly family: string; readonly histogram: Histogram }
  | { readonly kind: "lora" };

/**
 * A page with all that never changes filled in and joined, so that rendering writes the rest only.
 * @param constants values of the other names in the template.
 * @param families histograms that are fed; all others stay at zero.
 * @throws {Error} when the template has a name without a value, or no such histogram.
 */
export function createMetricsPage(
  constants: Readonly<Record<string, string>>,
  families: readonly string[],
): MetricsPage {
  const parts = joinText(splitTemplate(constants, families));
  const histograms = new Map<string, Histogram>();
  for (const part of parts) if (part.kind === "histogram") histograms.set(part.family, part.histogram);
  for (const family of families) if (!histograms.has(family)) throw new Error(`the page has no histogram ${family}`);
  return {
    histograms,
    maxBytes: parts.reduce((sum, part) => sum + maxBytesOf(part), 0),
    render(page, live, loraFamily) {
      let end = 0;
      for (const part of parts) {
        if (part.kind === "text") end += page.write(part.text, end, "latin1");
        else if (part.kind === "live") end += page.write(toMetricValue(live[part.name]), end, "latin1");
        else if (part.kind === "histogram") end += part.histogram.render(page, end);
        else end += page.write(loraFamily, end, "latin1");
      }
      return end;
    },
  };
}

function maxBytesOf(part: Part): number {
  if (part.kind === "text") return part.text.length;
  if (part.kind === "histogram") return part.histogram.maxBytes;
  return part.kind === "live" ? maxValueBytes : 0;
}

type Constants = Readonly<Record<string, string>>;

function splitTemplate(constants: Constants, families: readonly string[]): Part[] {
  const lines = template.split("\n").slice(0, -1);
  const parts: Part[] = [];
  for (let i = 0; i < lines.length; i++) {
    const family = families.find((name) => lines[i].startsWith(`${name}_bucket{`));
    if (lines[i] === "$lora_requests_info") parts.push({ kind: "lora" });
    else if (family === undefined) parts.push(...splitLine(`${lines[i]}\n`, constants));
    else {
      const end = lines.findIndex((line, j) => j > i && line.startsWith("#"));
      const own = lines.slice(i, end).map((line) => fillConstants(line, constants));
      parts.push({ kind: "histogram", family, histogram: createHistogram(own) });
      i = end - 1;
    }
  }
  return parts;
}

function splitLine(line: string, constants: Constants): Part[] {
  const [, head, name] = /^(.* )\$([a-z_]+)\n$/.exec(line) ?? [];
  const live = liveValues.find((value) => value === name);
  if (live === undefined) return [{ kind: "text", text: fillConstants(line, constants) }];
  const text = fillConstants(head, constants);
  return [
    { kind: "text", text },
    { kind: "live", name: live },
    { kind: "text", text: "\n" },
  ];
}

function fillConstants(text: string, constants: Constants): string {
  return text.replace(/\$([a-z_]+)/g, (_, name: string) => {
    if (!Object.hasOwn(constants, name)) throw new Error(`the metrics template has a name without a value: $${name}`);
    return constants[name];
  });
}

function joinText(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.kind === "text" && last?.kind === "text") joined.splice(-1, 1, { ...last, text: last.text + part.text });
    else joined.push(part);
  }
  return joined;
}
