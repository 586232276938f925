import type { HostConfig } from "@outrider/host";

/** Under which process a recording has what a plugin was handed; `undefined` = it hears of all at once. */
export function processOf({ name, placement, process }: HostConfig["plugins"][number]): string | undefined {
  return placement === "worker" ? `worker:${name}` : process;
}
