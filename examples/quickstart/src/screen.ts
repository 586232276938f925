import { styleText } from "node:util";
import { outcomeKinds } from "./admin.ts";
import type { Progress } from "./progress.ts";

/** Shows how a run goes. */
export interface Screen {
  /** Something that is worth a line of its own, which stays. */
  event(text: string): void;
  /** How far it is; on a terminal it replaces the one before. */
  show(progress: Progress): void;
  /** The last state stays. */
  finish(): void;
}

/** A block of lines redrawn in place on a terminal; elsewhere a line a second. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  let latest: Progress | undefined;
  const draw = () => {
    if (latest === undefined) return;
    const lines = toLines(latest);
    stream.write(`${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  let shownAt = 0;
  return {
    event(text) {
      if (stream.isTTY) clear();
      stream.write(`${styleText("cyan", "•")} ${text}\n`);
      if (stream.isTTY) draw();
    },
    show(progress) {
      latest = progress;
      if (stream.isTTY) {
        clear();
        draw();
      } else if (Date.now() - shownAt >= 1000) {
        shownAt = Date.now();
        stream.write(`${toSummary(progress)}\n`);
      }
    },
    finish() {
      drawn = 0;
    },
  };
}

function toSummary({ sent, total, answered, failed, p50Ms, p99Ms, hitRate }: Progress): string {
  const times = `decisions p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
  return `${sent}/${total} sent, ${answered} answered, ${failed} failed; ${times}; prefix hit rate ${percent(hitRate)}`;
}

function toLines(progress: Progress): string[] {
  const width = Math.max(...progress.plugins.map(({ name }) => name.length), 8);
  const header = `  ${"scorer".padEnd(width)}  ${"state".padEnd(12)}${outcomeKinds.map((kind) => kind.padStart(10)).join("")}`;
  return [
    "",
    `  ${toSummary(progress)}`,
    styleText("dim", header),
    ...progress.plugins.map(({ name, state, calls }) => {
      const color = state === "active" ? "green" : "red";
      const counts = outcomeKinds.map((kind) => String(calls[kind]).padStart(10)).join("");
      return `  ${name.padEnd(width)}  ${styleText(color, state.padEnd(12))}${counts}`;
    }),
    styleText("dim", "  requests per model server"),
    ...Object.entries(progress.endpoints).map(
      ([endpoint, requests]) => `  ${endpoint.padEnd(22)}${bar(requests, progress)} ${requests}`,
    ),
  ];
}

function bar(requests: number, { endpoints }: Progress): string {
  const most = Math.max(...Object.values(endpoints), 1);
  return styleText("green", "▇".repeat(Math.round((30 * requests) / most)));
}

/** A share as people read it. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
