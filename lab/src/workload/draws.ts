import { createRandom, deriveSeed } from "@outrider/core";
import type { Length } from "./schema-values.ts";

/** Numbers in [0, 1). */
export type Random = () => number;

/** Random numbers of the `index`-th thing of a kind, the same however many of the others are drawn. */
export function randomOf(seed: number, index: number): Random {
  return createRandom(deriveSeed(seed, index));
}

/** From 0 to `count` - 1, each as likely. */
export function drawIndex(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** Whole tokens, at least `least`. */
export function drawLength(length: Length, random: Random, least: 0 | 1 = 1): number {
  if (typeof length === "number") return length;
  const { min = least, max = Number.POSITIVE_INFINITY, mean } = length;
  if (mean === undefined) return Math.max(least, min + drawIndex(random, max - min + 1));
  const { deviation = mean / 4, shape } = length;
  const drawn = shape === "normal" ? mean + deviation * drawNormal(random) : drawLognormal(random, mean, deviation);
  return Math.round(Math.min(max, Math.max(least, min, drawn)));
}

/** Above 0, with mean 1: the time between two events that do not know of each other. */
export function drawExponential(random: Random): number {
  return -Math.log(1 - random());
}

/** Mean 0, deviation 1 (Box and Muller). */
export function drawNormal(random: Random): number {
  return Math.sqrt(2 * drawExponential(random)) * Math.cos(2 * Math.PI * random());
}

/** A lognormal of this mean and deviation. */
function drawLognormal(random: Random, mean: number, deviation: number): number {
  const variance = Math.log(1 + (deviation / mean) ** 2);
  return mean * Math.exp(Math.sqrt(variance) * drawNormal(random) - variance / 2);
}

/** A gamma of mean 1 whose deviation is `variation` (Marsaglia and Tsang; the boost of Ahrens and Dieter below 1). */
export function drawGamma(random: Random, variation: number): number {
  const shape = 1 / variation ** 2;
  const boost = shape < 1 ? (1 - random()) ** (1 / shape) : 1;
  const d = (shape < 1 ? shape + 1 : shape) - 1 / 3;
  for (;;) {
    const normal = drawNormal(random);
    const cube = (1 + normal / Math.sqrt(9 * d)) ** 3;
    if (cube > 0 && Math.log(1 - random()) < normal ** 2 / 2 + d * (1 - cube + Math.log(cube))) {
      return (boost * d * cube) / shape;
    }
  }
}
