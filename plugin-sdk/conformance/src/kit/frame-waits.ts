import { RuleFailure } from "../rule.ts";
import type { StreamEnd } from "./grpc-stream.ts";

/** How something is waited for. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  /** The wait begins anew while this changes. */
  readonly progress?: () => number;
  /** What there is instead, for the message. */
  readonly came?: () => string;
  /** The end of the stream is what is waited for. */
  readonly isEnd?: boolean;
}

/** Waits for what a stream brings. */
export class FrameWaits {
  readonly #watchers = new Set<() => void>();
  readonly #end: () => StreamEnd | undefined;
  readonly #lastFrame: () => string;

  /** @param lastFrame text of the frame that came last, for messages. */
  constructor(end: () => StreamEnd | undefined, lastFrame: () => string) {
    this.#end = end;
    this.#lastFrame = lastFrame;
  }

  /** Something came: looks again for all that is waited for. */
  look(): void {
    for (const watch of [...this.#watchers]) watch();
  }

  /** Settles with what `look` finds. @throws {RuleFailure} when nothing came in time or the stream ended. */
  until<T>(
    look: () => T | undefined,
    expected: string,
    { timeoutMs, progress = () => 0, came, isEnd = false }: WaitOptions & { readonly timeoutMs: number },
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let seen = progress();
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        finish();
      };
      const fail = (how: string) => {
        const detail = came === undefined ? how : `${came()} (${how})`;
        settle(() => reject(new RuleFailure(expected, detail, this.#lastFrame())));
      };
      const watch = () => {
        const found = look();
        const end = this.#end();
        if (found !== undefined) settle(() => resolve(found));
        else if (end !== undefined && !isEnd) fail(`the stream ${end.text}`);
      };
      const expire = () => {
        const now = progress();
        if (now === seen) return fail(`nothing more within ${timeoutMs} ms`);
        seen = now;
        timer = setTimeout(expire, timeoutMs);
      };
      let timer = setTimeout(expire, timeoutMs);
      this.#watchers.add(watch);
      watch();
    });
  }
}
