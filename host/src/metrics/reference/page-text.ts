import { BucketCounts } from "../bucket-counts.ts";
import type { Sample } from "./register-family.ts";
import type { Turns } from "./turns.ts";

/** Series written in one turn of the event loop, at most: about a millisecond's worth. */
const seriesPerTurn = 64;

/** Lines of a page, each with its end; many series take several turns, so that requests come between them. */
export async function writeLines(
  name: string,
  labelNames: readonly string[],
  samples: readonly Sample[],
  turns: Turns,
): Promise<string> {
  const pieces: string[] = [];
  for (let first = 0; first < samples.length; first += seriesPerTurn) {
    if (first > 0) await turns.next();
    const some = samples.slice(first, first + seriesPerTurn);
    // Joined now: what is only put together is copied at the end, all in one turn.
    pieces.push(some.map((sample) => writeSeries(name, labelNames, sample)).join(""));
  }
  return pieces.join("");
}

function writeSeries(name: string, labelNames: readonly string[], { labels, value }: Sample): string {
  const told = labelNames.map((label, i) => `${label}="${escapeLabel(labels[i] ?? "")}"`).join();
  if (value instanceof BucketCounts) return value.text(name, told);
  return `${name}${told === "" ? "" : `{${told}}`} ${value}\n`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
