import {
  type AnyDefinition,
  type AnyProducerDefinition,
  type AnyScorerDefinition,
  type CycleCall,
  type EndpointChange,
  type FeedbackEvent,
  type Need,
  type NeedKey,
  OutriderError,
  type Producer,
  type ProducerInstance,
  type Reason,
  type Scorer,
  type ScorerInstance,
} from "@outrider/core/contract";
import { asTransmitted } from "./transmitted-event.ts";

/** One thing wrong with `parameters:`. */
export interface ParameterFault {
  /** Path inside the parameters, such as `rules[2].name`; empty = the whole. */
  readonly path: string;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** An instance made from a definition, or why it could not be. */
export type MadeInstance =
  | { readonly kind: "scorer"; readonly instance: ScorerInstance }
  | { readonly kind: "producer"; readonly instance: ProducerInstance }
  | { readonly kind: "faults"; readonly faults: readonly ParameterFault[] };

/** Checks `parameters:` as written and makes the instance; `undefined` parameters count as none. */
export function makeInstance(definition: AnyDefinition, parameters: unknown): MadeInstance {
  const checked = definition.config.safeParse(parameters ?? {});
  if (!checked.success) {
    const faults = checked.error.issues.map(({ path, message }) => ({ path: toJsonPath(path), message }));
    return { kind: "faults", faults };
  }
  // Its type is forgotten, but it is what this very definition's schema has made.
  const config = checked.data as never;
  return definition.kind === "scorer"
    ? { kind: "scorer", instance: definition.create(config) }
    : { kind: "producer", instance: definition.create(config) };
}

/** Path of a value inside JSON as people write it: `rules[2].name`. */
export function toJsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, key) => {
    if (typeof key === "number") return `${before}[${key}]`;
    return before === "" ? String(key) : `${before}.${String(key)}`;
  }, "");
}

/** A scorer that runs on the caller's thread. */
export interface InlineScorer extends Scorer {
  /** Hands a change of the endpoint table to the instance. */
  endpointsChanged(change: EndpointChange): void;
}

/** A producer that runs on the caller's thread. */
export interface InlineProducer extends Producer {
  /** Hands a change of the endpoint table to the instance. */
  endpointsChanged(change: EndpointChange): void;
}

/**
 * Runs a scorer on the caller's thread.
 * @param parameters `parameters:` as written.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the parameters.
 */
export function createInlineScorer(definition: AnyScorerDefinition, parameters: unknown, name: string): InlineScorer {
  const made = makeInstance(definition, parameters);
  if (made.kind !== "scorer") throw invalidParameters(name, made);
  const { instance } = made;
  return {
    name,
    type: definition.type,
    score: (call, scores) => guarded(name, () => instance.score(call, scores)),
    endpointsChanged: (change) => instance.endpointsChanged?.(change),
    ...feedbackOf(definition, instance),
  };
}

/** As {@link createInlineScorer}, for producers. */
export function createInlineProducer(
  definition: AnyProducerDefinition,
  parameters: unknown,
  name: string,
): InlineProducer {
  const made = makeInstance(definition, parameters);
  if (made.kind !== "producer") throw invalidParameters(name, made);
  const { instance } = made;
  return {
    name,
    type: definition.type,
    produces: definition.produces,
    produce: (call: CycleCall, values) => guarded(name, () => instance.produce(call, values)),
    endpointsChanged: (change) => instance.endpointsChanged?.(change),
    ...feedbackOf(definition, instance),
  };
}

/** Kinds of event that a plugin with these needs gets: those asked for, and `done` when any is. */
export function wantedEvents(needs: readonly (NeedKey | Need)[]): ReadonlySet<FeedbackEvent["kind"]> {
  const keys = needs.map((need) => (typeof need === "string" ? need : need.key));
  const kinds = (["picked", "headers", "progress", "done"] as const).filter((kind) => keys.includes(`events.${kind}`));
  return new Set(kinds.length === 0 && !keys.includes("events.answer_blocks") ? [] : [...kinds, "done"]);
}

function feedbackOf(
  { needs }: AnyDefinition,
  instance: ScorerInstance | ProducerInstance,
): { readonly feedback?: (event: FeedbackEvent) => void } {
  const wanted = wantedEvents(needs);
  if (wanted.size === 0 || instance.feedback === undefined) return {};
  return {
    feedback(event) {
      if (wanted.has(event.kind)) instance.feedback?.(asTransmitted(event));
    },
  };
}

function guarded(name: string, run: () => Reason | Promise<Reason>): Reason | Promise<Reason> {
  try {
    const result = run();
    if (!(result instanceof Promise)) return result;
    return result.catch((cause) => {
      throw fromPluginError(cause, name);
    });
  } catch (cause) {
    throw fromPluginError(cause, name);
  }
}

/** What a plugin's own code threw: its `OutriderError`s as they are, all else `SCORER_FAILED`. */
export function fromPluginError(cause: unknown, name: string): OutriderError {
  if (cause instanceof OutriderError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new OutriderError("SCORER_FAILED", `${name}: ${message}`, { cause });
}

function invalidParameters(name: string, made: MadeInstance): OutriderError {
  const faults = made.kind === "faults" ? made.faults : [];
  const list = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new OutriderError("CONFIG_INVALID", `parameters of ${name}: ${list}`);
}
