import type { Placement, PluginCatalogue, PluginSpec, ProcessSpec } from "../plugins/types.ts";
import type { RecordedInstance } from "./recorded-instance.ts";
import { replayBudgetMs } from "./replay-call.ts";
import { CastError } from "./replay-errors.ts";

/** What answers recorded calls. */
export interface Cast {
  readonly catalogue: PluginCatalogue;
  /** At least one; the first is what the others are compared with. */
  readonly placements: readonly Placement[];
  /** Module that declares the types, absolute path, for `inline` and `worker`; default the built-in ones. */
  readonly module: string | undefined;
  /** Program and arguments for `process`; default the built-in types' own. */
  readonly command: readonly string[] | undefined;
  /** Address for `remote`. */
  readonly url: string | undefined;
  /** File with the token that is shown at {@link url}. */
  readonly tokenFile: string | undefined;
}

/** @throws {CastError} where nothing is known of how to run a type there. */
export function checkCast(
  { type }: RecordedInstance,
  placement: Placement,
  { catalogue, module, command }: Cast,
): void {
  const builtin = Object.hasOwn(catalogue, type) ? catalogue[type] : undefined;
  const missing = `${type} is no built-in type`;
  if (placement === "inline" && module === undefined && builtin === undefined) {
    throw new CastError(`${missing}: name the file that declares it with --module`);
  }
  if (placement === "worker" && module === undefined && builtin?.module === undefined) {
    throw new CastError(`${missing} that runs on threads: name the file that declares it with --module`);
  }
  if (placement === "process" && command === undefined && builtin === undefined) {
    throw new CastError(`${missing}: name the program that serves it with --command`);
  }
}

/** Name of an instance in a placement. */
export function nameOf({ id }: RecordedInstance, placement: Placement): string {
  return `${placement}/${id}`;
}

/** An instance as a configured plugin of a placement. */
export function toSpec(instance: RecordedInstance, placement: Placement, { module, command }: Cast): PluginSpec {
  const isHere = placement === "inline" || placement === "worker";
  const ownProcess = placement === "process" && command === undefined ? nameOf(instance, placement) : placement;
  return {
    name: nameOf(instance, placement),
    type: instance.type,
    placement,
    module: isHere ? module : undefined,
    process: isHere ? undefined : ownProcess,
    parameters: instance.parameters,
    budgetMs: replayBudgetMs,
    needs: instance.granted,
    grant: instance.granted,
    required: true,
    path: `instance ${instance.id}`,
  };
}

/** What instances of a placement are served by. */
export function toProcesses(
  instances: readonly RecordedInstance[],
  placement: Placement,
  cast: Cast,
): readonly ProcessSpec[] {
  const { catalogue, command, url, tokenFile } = cast;
  const cwd = process.cwd();
  if (placement === "remote" && url !== undefined) return [{ name: placement, kind: "url", url, tokenFile, env: {} }];
  if (placement !== "process") return [];
  if (command !== undefined) return [{ name: placement, kind: "command", command, cwd, env: {} }];
  return instances.map((instance) => {
    const own = [process.execPath, catalogue[instance.type]!.main];
    return { name: nameOf(instance, placement), kind: "command", command: own, cwd, env: {} };
  });
}
