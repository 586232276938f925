import { createHash } from "node:crypto";

/** All picks of a simulation in the order in which they were made, as one number. */
export interface PicksDigest {
  /** A request was decided: the names of its endpoint and of the one that computes its prompt, or why it was refused. */
  add(number: number, ...picked: readonly string[]): void;
  /** SHA-256 of what was added, lower-case hex; nothing can be added behind it. */
  end(): string;
}

/** No picks yet. */
export function createPicksDigest(): PicksDigest {
  const hash = createHash("sha256");
  return {
    add: (number, ...picked) => void hash.update(`${number} ${picked.join(" ")}\n`),
    end: () => hash.digest("hex"),
  };
}
