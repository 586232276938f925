import { type CycleClock, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import type { ConfigInForce } from "./config-in-force.ts";
import { checkWeights, type LimitedWeights, listWeights, type WeightInForce } from "./limited-weights.ts";

/** Weights for a limited time: set, ended early, or ended by their time. */
export interface Weights {
  /** Of every scorer that counts by the configuration. */
  list(): readonly WeightInForce[];
  /**
   * Has weights of a profile count from the next decision on, in the place of those that were set for it before.
   * @throws {OutriderError} `CONFIG_INVALID` where the profile or a scorer is not there, or a weight or the time is out
   *   of range.
   */
  set(profile: string, weights: ReadonlyMap<string, number>, forMs: number): void;
  /** Has the configuration's weights count again. @param profile empty = of all profiles. @returns whether others did. */
  clear(profile: string): boolean;
  /** Forgets the times. */
  stop(): void;
}

/** Keeps the times of weights that a configuration in force is given. They end when another comes into force. */
export function createWeights(inForce: ConfigInForce, clock: CycleClock, log: Logger): Weights {
  let timer: unknown;
  const arm = () => {
    clock.cancel(timer);
    const { limited } = inForce;
    if (limited.length === 0) return;
    const nextMs = Math.min(...limited.map(({ endsAtMs }) => endsAtMs));
    timer = clock.after(Math.max(1, nextMs - clock.nowMs()), expire);
  };
  const put = (limited: readonly LimitedWeights[]) => {
    inForce.weigh(limited);
    arm();
  };
  const expire = () => {
    const nowMs = clock.nowMs();
    const left = inForce.limited.filter(({ endsAtMs }) => endsAtMs > nowMs);
    if (left.length === inForce.limited.length) return arm();
    put(left);
    log.info({ weights: left.length }, "the time of weights is over: the configuration's count again");
  };
  const without = (profile: string) =>
    profile === "" ? [] : inForce.limited.filter((each) => each.profile !== profile);
  return {
    list: () => listWeights(inForce.config, inForce.limited),
    set(profile, weights, forMs) {
      const problem = checkWeights(inForce.config, profile, weights, forMs);
      if (problem !== undefined) throw new OutriderError("CONFIG_INVALID", problem);
      put([...without(profile), { profile, weights, endsAtMs: clock.nowMs() + forMs }]);
      log.info({ profile, weights: Object.fromEntries(weights), forMs }, "other weights count for a while");
    },
    clear(profile) {
      const left = without(profile);
      if (left.length === inForce.limited.length) return false;
      put(left);
      log.info({ profile }, "the configuration's weights count again");
      return true;
    },
    stop: () => clock.cancel(timer),
  };
}
