import type { Command } from "commander";
import type { RecordingFile } from "./recording-file.ts";
import { pathOf } from "./usage.ts";

/** Tells people how far a recording is, on stderr. */
export interface RecordProgress {
  readonly show: (file: Pick<RecordingFile, "decisions" | "bytes" | "dropped">) => void;
  /** Nothing more is told. */
  end(): void;
}

/** Between two lines, in ms: on a terminal they replace each other. */
const terminalMs = 500;
const logMs = 10_000;

/** Says at most one thing in a while. */
export function createRecordProgress(command: Command): RecordProgress {
  const { isTTY } = process.stderr;
  const intervalMs = isTTY ? terminalMs : logMs;
  let nextMs = performance.now() + intervalMs;
  let isShown = false;
  return {
    show({ decisions, bytes, dropped }) {
      const nowMs = performance.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + intervalMs;
      isShown = true;
      const missed = dropped === 0 ? "" : `, ${dropped} entries missed`;
      const line = `${pathOf(command)}: ${decisions} decisions, ${bytes} bytes${missed}`;
      process.stderr.write(isTTY ? `\r${line}` : `${line}\n`);
    },
    end() {
      if (isShown && isTTY) process.stderr.write("\n");
    },
  };
}
