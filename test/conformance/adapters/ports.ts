import { notBuilt } from "../shapes.ts";

/** Ports of pods, by pool and annotation. */
export const ports = notBuilt("kubernetes");
