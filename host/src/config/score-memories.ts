import { isDeepStrictEqual } from "node:util";
import { createLastScores, type LastScores } from "@outrider/core";
import type { PluginSpec } from "../plugins/types.ts";
import type { HostConfig } from "./types.ts";

/** What scorers said last, for those with `onFailure: last_known`. */
export interface ScoreMemories {
  /** The memory of a scorer, one for all profiles that it is in. @param maxAgeMs as {@link createLastScores}. */
  of(scorer: string, maxAgeMs: number): LastScores;
}

/** What of the memories of a configuration may go on in the next one. */
interface Kept {
  readonly spec: PluginSpec | undefined;
  readonly maxAgeMs: number;
  readonly last: LastScores;
}

const keptBy = new WeakMap<ScoreMemories, ReadonlyMap<string, Kept>>();

/** @param before memories that go on where the scorer and the age are the same. */
export function createScoreMemories({ plugins }: Pick<HostConfig, "plugins">, before?: ScoreMemories): ScoreMemories {
  const old = before && keptBy.get(before);
  const kept = new Map<string, Kept>();
  const memories: ScoreMemories = {
    of(scorer, maxAgeMs) {
      const known = kept.get(scorer);
      if (known !== undefined) return known.last;
      const spec = plugins.find(({ name }) => name === scorer);
      const last = findUnchanged(old?.get(scorer), spec, maxAgeMs) ?? createLastScores(maxAgeMs);
      kept.set(scorer, { spec, maxAgeMs, last });
      return last;
    },
  };
  keptBy.set(memories, kept);
  return memories;
}

function findUnchanged(old: Kept | undefined, spec: PluginSpec | undefined, maxAgeMs: number): LastScores | undefined {
  if (old?.spec === undefined || spec === undefined || old.maxAgeMs !== maxAgeMs) return undefined;
  return isDeepStrictEqual(essenceOf(old.spec), essenceOf(spec)) ? old.last : undefined;
}

/** All that its scores depend on. */
function essenceOf(spec: PluginSpec): Partial<PluginSpec> {
  return { ...spec, path: "", required: false, budgetMs: 0 };
}
