import type { ListenerKind } from "./bootstrap.ts";
import type { Mode } from "./mode.ts";
import type { Place } from "./place.ts";

/** One line of the matrix. */
export interface Case {
  /** Present tense, with what the mode has to do with it. */
  readonly title: string;
  /** Modes it has a meaning in; default all. */
  readonly in?: (mode: Mode) => boolean;
  /** Listeners it runs through; default both. */
  readonly through?: readonly ListenerKind[];
  /** Picker it asks; default `plain`. */
  readonly picker?: string;
  readonly run: (place: Place) => Promise<void>;
}
