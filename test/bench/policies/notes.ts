import type { Round } from "./trial.ts";

/** How late requests may be sent before a window counts as disturbed, in ms: the shortest TTFT is some ten times that. */
const mostLateMs = 20;

/** How much the machine disturbed each window, since clients, hosts and model servers share it with others. */
export function tellRounds(rounds: readonly Round[]): readonly string[] {
  return rounds.map(({ name, outcomes, usedHere, usedByOthers }) => {
    const late = outcomes.flatMap(({ lateMs }) => lateMs).toSorted((a, b) => a - b);
    const lateMs = late[Math.floor(0.99 * late.length)] ?? 0;
    const cores = `CPU here ${percent(usedHere)}, by others ${percent(usedByOthers)} of all cores`;
    const sent = `requests sent at most ${lateMs.toFixed(1)} ms late (p99)`;
    return `${name}: ${cores}; ${sent}${lateMs > mostLateMs ? ": DISTURBED" : ""}.`;
  });
}

/** Requests that failed. */
export function failuresOf(rounds: readonly Round[]): number {
  return rounds.flatMap(({ outcomes }) => outcomes.flatMap(({ failures }) => failures)).length;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
