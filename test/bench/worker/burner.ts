import type { AnyDefinition } from "@outrider/core/contract";

/** CPU that a call takes, in µs. */
const burnUs = 2_000;

/** Prefers short queues, after it has taken 2 ms of its thread's CPU. */
export const burner: AnyDefinition = {
  kind: "scorer",
  type: "burner",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests"],
  config: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({
    score({ candidates, columns: { waitingRequests } }, scores) {
      burn();
      candidates.forEach((slot, i) => {
        scores[i] = 1 / (1 + waitingRequests[slot]!);
      });
    },
  }),
};

function burn(): void {
  const before = process.threadCpuUsage();
  for (let spentUs = 0; spentUs < burnUs; ) {
    const { user, system } = process.threadCpuUsage(before);
    spentUs = user + system;
  }
}
