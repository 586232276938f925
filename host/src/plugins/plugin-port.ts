import type { CycleCall, Producer, Scorer } from "@outrider/core";
import type { FeedbackEvent, Reason } from "@outrider/core/contract";
import type { PluginEntry } from "./plugin-entry.ts";
import { type Ask, askScores, askValues, type RemotePlugin } from "./remote-plugin.ts";
import type { ShadowRun } from "./shadow-run.ts";

/**
 * What a plugin behind a connection is to the cycle, across all its generations: one is asked, another may be asked
 * beside it, and each hears of the calls that it was put.
 */
export class PluginPort {
  readonly scorer: Scorer;
  readonly producer: Producer;
  #active: RemotePlugin;
  #shadow: ShadowRun | undefined;
  /** Generations before the active one that are not ended yet, by what they still hear. */
  readonly #leaving = new Set<RemotePlugin>();
  readonly #tell = (event: FeedbackEvent): void => {
    this.#active.tell(event);
    this.#shadow?.next.tell(event);
    for (const remote of this.#leaving) remote.tell(event);
  };

  constructor(active: RemotePlugin) {
    this.#active = active;
    const { name, type } = active.entry.spec;
    const current = () => this.#active;
    const feedback = () => this.#feedback();
    this.scorer = {
      name,
      type,
      score: (call, scores) => this.#put(call, scores, askScores),
      get mayVeto() {
        return current().mayVeto;
      },
      get feedback() {
        return feedback();
      },
    } as Scorer;
    this.producer = {
      name,
      type,
      produce: (call, values) => this.#put(call, values, askValues),
      get produces() {
        return current().produces;
      },
      get feedback() {
        return feedback();
      },
    } as Producer;
  }

  /** The generation that is asked. */
  get active(): RemotePlugin {
    return this.#active;
  }

  /** State of the generation that is asked. */
  get entry(): PluginEntry {
    return this.#active.entry;
  }

  /** Asks another generation beside the active one, until it is told otherwise. */
  shadow(run: ShadowRun): void {
    this.#shadow = run;
  }

  /** No generation is asked beside the active one any more. */
  endShadow(): void {
    this.#shadow = undefined;
  }

  /** Asks another generation from now on; calls in flight end where they are. */
  switchTo(next: RemotePlugin): void {
    if (this.#shadow?.next === next) this.#shadow = undefined;
    this.#leaving.add(this.#active);
    this.#leaving.delete(next);
    this.#active = next;
  }

  /** A generation before the active one has ended. */
  forget(remote: RemotePlugin): void {
    this.#leaving.delete(remote);
  }

  #feedback(): ((event: FeedbackEvent) => void) | undefined {
    return this.#active.listens || this.#shadow?.next.listens === true ? this.#tell : undefined;
  }

  #put<T extends Float32Array | readonly Float32Array[]>(
    call: CycleCall,
    target: T,
    ask: Ask<T>,
  ): Reason | Promise<Reason> {
    if (this.#shadow === undefined || call.isRehearsal === true) return this.#active.put(call, target, ask);
    return this.#shadow.put(this.#active, call, target, ask);
  }
}
