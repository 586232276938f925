import type { FromThread, ThreadAnswer } from "./messages.ts";

/** Time in which answers of one batch are gathered, in ms: each message wakes the host's event loop. */
const gatherMs = 0.2;
/** Events taken after which the host is told, though there is no answer. */
const heardStep = 1024;

/** Answers on their way to the host, in batches. */
export interface AnswerPost {
  /** Calls of a batch are about to run. */
  begin(): void;
  /** Takes an answer, now or when it is there. */
  take(ticket: number, answer: ThreadAnswer | Promise<ThreadAnswer>): void;
  /** Answers a call that was not put to its instance. */
  refuse(ticket: number, code: string, message: string): void;
  /** So many more events were taken. */
  heard(count: number): void;
  /** Sends what is there. */
  flush(): void;
}

/** Sends to the host by `post`. */
export function createAnswerPost(post: (message: FromThread) => void, now: () => number): AnswerPost {
  let answers: ThreadAnswer[] = [];
  let parked: number[] = [];
  let heardCount = 0;
  let heardToldAt = 0;
  let begunAtMs = 0;

  const flush = () => {
    if (answers.length === 0 && parked.length === 0 && heardCount === heardToldAt) return;
    heardToldAt = heardCount;
    post({ kind: "answers", answers, parked, heard: heardCount });
    answers = [];
    parked = [];
  };
  const add = (answer: ThreadAnswer) => {
    answers.push(answer);
    if (now() - begunAtMs < gatherMs) return;
    flush();
    begunAtMs = now();
  };

  return {
    begin() {
      begunAtMs = now();
    },
    take(ticket, answer) {
      if (!(answer instanceof Promise)) return add(answer);
      parked.push(ticket);
      void answer.then((settled) => {
        answers.push(settled);
        queueMicrotask(flush);
      });
    },
    refuse: (ticket, code, message) => add({ ticket, pluginUs: 0, result: { kind: "error", code, message } }),
    heard(count) {
      heardCount += count;
      if (heardCount - heardToldAt >= heardStep) flush();
    },
    flush,
  };
}
