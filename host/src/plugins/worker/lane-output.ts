import { PassThrough } from "node:stream";
import type { CycleClock } from "@outrider/core";
import type { Logger } from "pino";
import { relogOutput } from "../relog-output.ts";
import type { FromThread } from "./messages.ts";

/** Logs what plugins print on one thread, line by line and bounded, as the output of processes is. */
export function createLaneOutput(
  log: Logger,
  clock: CycleClock,
  dropped: (bytes: number) => void,
): (output: Extract<FromThread, { readonly kind: "output" }>) => void {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  for (const stream of ["stdout", "stderr"] as const) relogOutput(streams[stream], { log, stream, clock, dropped });
  return ({ stream, text, droppedBytes }) => {
    if (droppedBytes > 0) dropped(droppedBytes);
    streams[stream].write(text);
  };
}
