/** Ctrl-C, as a signal that lets work end well. */
export interface Interrupt {
  /** Aborted by the first signal; the next ends the process at once. */
  readonly signal: AbortSignal;
  /** By which shells know the signal; `undefined` = none came. */
  readonly exitCode: number | undefined;
  /** Listens no longer. */
  close(): void;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Listens for Ctrl-C and for the end that a supervisor asks for. */
export function listenForInterrupt(): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const stop = (signal: keyof typeof exitCodes) => {
    exitCode = exitCodes[signal];
    close();
    controller.abort(signal);
  };
  const close = () => {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    close,
  };
}
