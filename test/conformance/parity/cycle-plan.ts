import type { AnyDefinition, CycleClock, Plan, Profile, Scorer } from "@outrider/core";
import type { PluginRuntime } from "@outrider/host";
import { nameOf, type Placement } from "./placements.ts";

/** Time stands still for what plugins see of it; deadlines are the machine's. */
export function toClock(atMs: number): CycleClock {
  return {
    nowMs: () => atMs,
    elapsedMs: () => performance.now(),
    after: (delayMs, callback) => setTimeout(callback, delayMs),
    cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };
}

/** Asks all types in one placement; no deadline decides. */
export function toPlan(runtime: PluginRuntime, definitions: readonly AnyDefinition[], placement: Placement): Plan {
  const named = (kind: AnyDefinition["kind"]) =>
    definitions.filter((definition) => definition.kind === kind).map(({ type }) => nameOf(type, placement));
  const scorers = named("scorer").map((name) => runtime.scorer(name));
  const profiles = ["prefill", "decode"].map((name) => toProfile(name, scorers));
  const wave = named("producer").map((name) => ({ producer: runtime.producer(name), budgetMs: 60_000 }));
  return {
    generation: 1,
    budgetMs: 60_000,
    waves: wave.length === 0 ? [] : [wave],
    admitters: [],
    profiles,
    handler: {
      name: "split",
      type: "split",
      ownHeaders: [],
      primaryOf: () => "decode",
      next: toProfiles(profiles),
    },
    readsInflight: true,
  };
}

/** Long prompts are prefilled apart: their decode sees where. */
function toProfiles([prefill, decode]: readonly Profile[]): Plan["handler"]["next"] {
  return ({ facts, profiles }) => {
    const wanted = facts.promptTokens > 6_000 ? [prefill, decode] : [decode];
    return wanted[profiles.length];
  };
}

function toProfile(name: string, scorers: readonly Scorer[]): Profile {
  return {
    name,
    filters: [],
    scorers: scorers.map((scorer, i) => ({
      scorer,
      weight: i + 1,
      budgetMs: 60_000,
      onFailure: { kind: "abstain" },
      shadow: false,
    })),
    picker: {
      name: "best",
      type: "best",
      pick: ({ candidates, totals }) => [candidates[totals.indexOf(Math.max(...totals))]!],
    },
  };
}
