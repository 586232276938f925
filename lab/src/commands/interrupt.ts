/** Ctrl-C, as a signal that lets work end well. */
export interface Interrupt {
  /** Aborted by the first signal; the next ends the process, unless it comes along with the first. */
  readonly signal: AbortSignal;
  /** By which shells know the signal; `undefined` = none came. */
  readonly exitCode: number | undefined;
  /** Listens no longer. */
  close(): void;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** A terminal sends a signal to all its processes, and the launcher passes it on: those within this time are one. */
const oneSignalMs = 500;

/** Listens for Ctrl-C and for the end that a supervisor asks for. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let firstMs = 0;
  const stop = (signal: keyof typeof exitCodes) => {
    if (exitCode === undefined) {
      exitCode = exitCodes[signal];
      firstMs = performance.now();
      controller.abort(signal);
    } else if (performance.now() - firstMs > oneSignalMs) {
      process.exit(exitCode);
    }
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    close() {
      process.off("SIGINT", stop).off("SIGTERM", stop);
    },
  };
}
