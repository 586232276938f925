import type { Log } from "@outrider/host";

/** Where a simulation says what is odd; the host's own. */
export type Logger = Log;
