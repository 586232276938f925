/** Runs in a thread of its own: see {@link describeModule}. */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { type AnyDefinition, type Need, toNeeds } from "@outrider/core/contract";
import type { ModuleDescription, ModuleQuestion } from "./describe-module.ts";
import type { ShapeIssue } from "./shape.ts";

// Not awaited: of a module that never loads Node would complain on the host's own stderr.
void answer(workerData as ModuleQuestion).then((description) => parentPort?.postMessage(description));

async function answer({ path, type, parameters }: ModuleQuestion): Promise<ModuleDescription> {
  try {
    const exported = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
    const definitions = Object.values(exported).filter(isDefinition);
    const definition = definitions.find((each) => each.type === type);
    if (definition === undefined) {
      return { kind: "absent", types: definitions.map((each) => each.type), names: Object.keys(exported) };
    }
    return { kind: "found", type: describe(definition, parameters), issues: check(definition, parameters) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { kind: "broken", message: text.split("\n")[0]!.slice(0, 300) };
  }
}

function isDefinition(value: unknown): value is AnyDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { kind, type, needs, config, create } = value as Partial<Record<keyof AnyDefinition, unknown>>;
  const hasParts = Array.isArray(needs) && typeof config === "object" && typeof create === "function";
  return (kind === "scorer" || kind === "producer") && typeof type === "string" && hasParts;
}

function describe(definition: AnyDefinition, parameters: unknown) {
  const { kind, state } = definition;
  const produces = definition.kind === "producer" ? [...definition.produces] : [];
  return { kind, state, needs: toNeeds(definition, parameters).map(toPlain), produces };
}

/** Named fields alone, since what else there is may not go from thread to thread. */
function toPlain({ key, required, maxBytes, names, blockSizeTokens }: Need): Need {
  return JSON.parse(JSON.stringify({ key, required, maxBytes, names, blockSizeTokens })) as Need;
}

function check({ config }: AnyDefinition, parameters: unknown): readonly ShapeIssue[] {
  const result = config.safeParse(parameters ?? {});
  return result.success ? [] : result.error.issues.map(toIssue);
}

function toIssue(issue: ShapeIssue): ShapeIssue {
  const { path, message, code, expected, keys, values, minimum, maximum, inclusive, origin } = issue;
  const plain = { message, code, expected, keys, values, inclusive, origin };
  const bounds = { minimum: toBound(minimum), maximum: toBound(maximum) };
  return JSON.parse(
    JSON.stringify({ ...plain, ...bounds, path: path.map((step) => (typeof step === "number" ? step : String(step))) }),
  ) as ShapeIssue;
}

function toBound(bound: number | bigint | undefined): number | undefined {
  return bound === undefined ? undefined : Number(bound);
}
