import {
  type CycleCall,
  type FeedbackEvent,
  OutriderError,
  type Producer,
  type Reason,
  type Scorer,
} from "@outrider/core";
import type { PluginDisturbance } from "../contract/index.ts";
import { PatientCall } from "./patient-call.ts";
import type { PluginPost } from "./plugin-post.ts";
import type { RealCalls } from "./real-calls.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What a plugin of a simulation is made of. */
export interface SimulatedPluginParts {
  readonly name: string;
  /** Whether it runs on this event loop; another is asked behind all that it has been told. */
  readonly isInline: boolean;
  readonly disturbance: PluginDisturbance;
  readonly clock: VirtualClock;
  readonly calls: RealCalls;
  readonly post: PluginPost;
  /** Next number in [0, 1), for calls that are never answered. */
  readonly random: () => number;
}

type Answer = Reason | Promise<Reason>;
type Target = Float32Array | readonly Float32Array[];
type Ask<T extends Target> = (call: CycleCall, target: T) => Answer;

/** A plugin as the plan of a simulation sees it: the real one, whose answers come in virtual time. */
export class SimulatedPlugin {
  readonly #parts: SimulatedPluginParts;
  readonly #isDisturbed: boolean;
  /** Calls that it was put and is to hear of; kept where it is lost for a while. */
  readonly #put = new Set<number>();

  constructor(parts: SimulatedPluginParts) {
    const { latencyMs, missShare, outages } = parts.disturbance;
    this.#parts = parts;
    this.#isDisturbed = latencyMs > 0 || missShare > 0 || outages.length > 0;
  }

  scorer(inner: Scorer): Scorer {
    const feedback = () => this.#feedbackTo(inner);
    return {
      name: inner.name,
      type: inner.type,
      score: (call, scores) => this.#ask(call, scores, (put, target) => inner.score(put, target)),
      get mayVeto() {
        return inner.mayVeto ?? false;
      },
      get feedback() {
        return feedback();
      },
    } as Scorer;
  }

  producer(inner: Producer): Producer {
    const feedback = () => this.#feedbackTo(inner);
    return {
      name: inner.name,
      type: inner.type,
      produce: (call, values) => this.#ask(call, values, (put, target) => inner.produce(put, target)),
      get produces() {
        return inner.produces;
      },
      get feedback() {
        return feedback();
      },
    } as Producer;
  }

  #ask<T extends Target>(call: CycleCall, target: T, ask: Ask<T>): Answer {
    const { name, calls } = this.#parts;
    if (calls.isGivenUp(name)) throw new OutriderError("SCORER_UNAVAILABLE", `${name} does not answer`);
    return this.#isDisturbed ? this.#disturbed(call, target, ask) : this.#real(call, target, ask);
  }

  #disturbed<T extends Target>(call: CycleCall, target: T, ask: Ask<T>): Answer {
    const { name, disturbance, clock, random } = this.#parts;
    const { latencyMs, missShare, outages } = disturbance;
    if (this.#isOut()) throw new OutriderError("SCORER_UNAVAILABLE", `${name} is lost for a while`);
    const isMissed = missShare > 0 && random() < missShare;
    if (outages.length > 0) this.#put.add(call.callId);
    if (!isMissed && latencyMs === 0) return this.#real(call, target, ask);
    const scratch = toScratch(target);
    const answer = this.#real(call, scratch, ask);
    if (answer instanceof Promise) answer.catch(() => {});
    if (isMissed) return new Promise<Reason>(() => {});
    return new Promise<Reason>((resolve) => {
      clock.after(latencyMs, () => resolve(copied(answer, scratch, target)));
    });
  }

  #isOut(): boolean {
    const { disturbance, clock } = this.#parts;
    return disturbance.outages.some(({ atMs, forMs }) => clock.atMs >= atMs && clock.atMs < atMs + forMs);
  }

  /** Puts it to the real one, in whatever time that takes. */
  #real<T extends Target>(call: CycleCall, target: T, ask: Ask<T>): Answer {
    const { name, isInline, calls, post } = this.#parts;
    if (isInline) return tracked(calls, name, ask(call, target));
    const patient = new PatientCall(call);
    if (post.catchUp(call.snapshot)) return tracked(calls, name, ask(patient, target));
    return calls.track(
      name,
      post.caughtUp().then(() => ask(patient, target)),
    );
  }

  #feedbackTo({ feedback }: Pick<Scorer, "feedback">): ((event: FeedbackEvent) => void) | undefined {
    if (feedback === undefined || this.#parts.disturbance.outages.length === 0) return feedback;
    return (event) => {
      if (!this.#put.has(event.callId)) return;
      if (event.kind === "done") this.#put.delete(event.callId);
      feedback(event);
    };
  }
}

function tracked(calls: RealCalls, name: string, answer: Answer): Answer {
  return answer instanceof Promise ? calls.track(name, answer) : answer;
}

async function copied<T extends Target>(answer: Answer, scratch: T, target: T): Promise<Reason> {
  const reason = await answer;
  if (target instanceof Float32Array) target.set(scratch as Float32Array);
  else for (const [i, values] of target.entries()) values.set((scratch as readonly Float32Array[])[i] as Float32Array);
  return reason;
}

function toScratch<T extends Target>(target: T): T {
  const copy = (values: Float32Array) => new Float32Array(values.length).fill(Number.NaN);
  return (target instanceof Float32Array ? copy(target) : target.map(copy)) as T;
}
