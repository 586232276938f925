import type { Fault } from "../config/faults.ts";
import type { ConfigSource, HostConfig } from "../config/types.ts";

/** What brought a configuration into force, or tried to: the start, its file, SIGHUP, an operator, or a rollback. */
export type ChangeCause = "start" | "file" | "signal" | "admin" | "rollback";

/** A change that was refused and left everything as it was. */
export interface RefusedAttempt {
  /** Unix ms. */
  readonly atMs: number;
  readonly cause: ChangeCause;
  /** How messages name the configuration. */
  readonly source: string;
  /** SHA-256 of its text, lower-case hex; empty where it could not be read. */
  readonly sha256: string;
  /** What is wrong with the text; empty where it is fine and could not be put in force. */
  readonly faults: readonly Fault[];
  /** All of it as it was logged, a line each. */
  readonly message: string;
}

/** How a change ended. */
export type ChangeResult =
  /** `generation` is in force now. */
  | { readonly kind: "applied"; readonly generation: number }
  /** The same text was in force already, as `generation`. */
  | { readonly kind: "unchanged"; readonly generation: number }
  | { readonly kind: "refused"; readonly attempt: RefusedAttempt }
  /** There is no such generation to go back to; `message` says which there are. */
  | { readonly kind: "absent"; readonly message: string };

/** A configuration that is or was in force. */
export interface PastConfig {
  readonly generation: number;
  readonly config: HostConfig;
  /** When it came into force, Unix ms. */
  readonly loadedAtMs: number;
  readonly cause: ChangeCause;
  /** Generation that it brought back; 0 = none. */
  readonly rollbackOf: number;
}

/** Whether two texts are the same. */
export function isSameText(one: ConfigSource, other: ConfigSource): boolean {
  return one.sha256 === other.sha256;
}
