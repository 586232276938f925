import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { withTimeout } from "../with-timeout.ts";
import type { CreateMessage, Declaration, FromThread } from "./messages.ts";
import { startThread } from "./thread-handle.ts";

/** Where a module is tried. */
export interface TryOptions {
  readonly memoryMb: number;
  readonly clock: CycleClock;
  /** Longest start of a thread, in ms. */
  readonly startupMs: number;
  /** Longest time to load the module and make the instance, in ms. */
  readonly createMs: number;
}

/**
 * Makes an instance on a thread of its own, which is ended behind it: what a module does when it is loaded holds up no
 * other plugin.
 * @throws {OutriderError} `CONFIG_INVALID` for its parameters, `PLUGIN_REJECTED` where it declares no such type,
 *   `SCORER_FAILED` where its code throws, `SCORER_UNAVAILABLE` where it ends the thread, `SCORER_DEADLINE`.
 */
export async function tryModule(message: Omit<CreateMessage, "kind">, options: TryOptions): Promise<Declaration> {
  const { memoryMb, clock, startupMs, createMs } = options;
  const answer = Promise.withResolvers<Declaration>();
  const heard = (said: FromThread) => {
    if (said.kind === "created") answer.resolve(said.declaration);
    if (said.kind === "refused") answer.reject(toError(said));
  };
  const thread = await startThread({ memoryMb, clock, startupMs, heard });
  void thread.ended.then((how) =>
    answer.reject(new OutriderError("SCORER_UNAVAILABLE", `the thread it was loaded on was lost: ${how}`)),
  );
  thread.post({ kind: "create", ...message });
  try {
    return await withTimeout(answer.promise, createMs, clock, `${message.module} was not loaded`);
  } finally {
    await thread.end();
  }
}

/** Why an instance was not made, as an error. */
export function toError({ why, message }: Extract<FromThread, { readonly kind: "refused" }>): OutriderError {
  const codes = { parameters: "CONFIG_INVALID", declares: "PLUGIN_REJECTED", threw: "SCORER_FAILED" } as const;
  return new OutriderError(codes[why], message);
}
