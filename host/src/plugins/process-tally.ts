/** What is counted of one process across its generations. */
export class ProcessTally {
  /** Starts and connections after the first of each generation. */
  restarts = 0;
  /** Answers that broke the contract. */
  violations = 0;
  /** The last of them, as it came, at most 64 KiB of it; `undefined` = none. */
  offendingFrame: Uint8Array | undefined;
  /** States sent whole after the first. */
  resyncs = 0;
  /** Events that it was too slow for. */
  droppedFeedback = 0;
}
