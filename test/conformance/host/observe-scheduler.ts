import { setTimeout as sleep } from "node:timers/promises";
import type { DoneCause } from "@outrider/core";
import type { Refusal, Routed, Scheduler } from "@outrider/host";

/** The beginning of a response, as its door shows it. */
export interface ObservedAnswer {
  readonly decisionId: string;
  readonly status: number;
  header(name: string): string | undefined;
}

/** A scheduler and what it was seen to do. */
export interface ObservedScheduler {
  /** Decides as the one behind it. */
  readonly scheduler: Scheduler;
  /** What became of each request, in order. */
  readonly decisions: readonly (Routed | Refusal)[];
  /** Causes each request was ended with; none for one that was refused. */
  readonly ends: readonly (readonly DoneCause[])[];
  /** Responses that began, in order. */
  readonly answers: readonly ObservedAnswer[];
  /** Resolves when every exchange has ended, at most after a second. */
  settled(): Promise<void>;
}

/** Longest wait for exchanges to end, in ms. */
const settleMs = 1_000;

/** Puts an observer between a door and a scheduler. */
export function observeScheduler(behind: Scheduler): ObservedScheduler {
  const decisions: (Routed | Refusal)[] = [];
  const ends: DoneCause[][] = [];
  const answers: ObservedAnswer[] = [];
  const observe = (decision: Routed | Refusal): Routed | Refusal => {
    decisions.push(decision);
    const causes: DoneCause[] = [];
    ends.push(causes);
    return decision.kind === "refused" ? decision : observed(decision, causes, answers);
  };
  const isSettled = () => decisions.every(({ kind }, i) => kind === "refused" || (ends[i]?.length ?? 0) > 0);
  return {
    scheduler: {
      decide(request) {
        const decision = behind.decide(request);
        return decision instanceof Promise ? decision.then(observe) : observe(decision);
      },
    },
    decisions,
    ends,
    answers,
    async settled() {
      const until = performance.now() + settleMs;
      while (!isSettled() && performance.now() < until) await sleep(5);
    },
  };
}

function observed(routed: Routed, causes: DoneCause[], answers: ObservedAnswer[]): Routed {
  return new Proxy(routed, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === "end") {
        return (cause: DoneCause) => {
          causes.push(cause);
          target.end(cause);
        };
      }
      if (key === "responseHeaders") {
        return (...[status, header, served]: Parameters<Routed["responseHeaders"]>) => {
          answers.push({ decisionId: target.decisionId, status, header });
          target.responseHeaders(status, header, served);
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
