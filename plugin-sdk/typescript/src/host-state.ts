import { type AnyDefinition, maxHandoffBytes } from "@outrider/core/contract";
import type { ConfigError, ConfigureRequest, Instance, PushStateRequest } from "@outrider/protos/scorer";
import {
  createReplicatedTable,
  type MadeInstance,
  makeInstance,
  type StepOutcome,
  type TableVersion,
} from "@outrider/transport";
import { type HandoffEntry, matchHandoff, packHandoff, unpackHandoff } from "./handoff.ts";
import { createServedInflight, type ServedInflight } from "./served-inflight.ts";
import { type InstanceContext, type ServedInstance, serveInstance } from "./served-instance.ts";

/** Everything a plugin keeps for one host; outlives that host's connections, so that what was learned stays. */
export interface HostState {
  /** The endpoints, as of the last complete step. */
  readonly version: TableVersion;
  /** The host's clock at that step, Unix ms. */
  readonly nowMs: number;
  /** What the host has sent to them. */
  readonly inflight: ServedInflight;
  /** By Instance.id. */
  readonly instances: ReadonlyMap<number, ServedInstance>;
  /**
   * Makes the instances that are wanted and drops the others; one that is wanted as it was goes on.
   * @returns every fault; where there is one, all stays as it was.
   */
  configure(request: ConfigureRequest): readonly Fault[];
  /** Takes a chunk of state, and tells the instances what came and went with the last one of a step. */
  applyState(chunk: PushStateRequest): StepOutcome;
  /** What all instances have learned, for the next generation; empty = nothing. */
  handoff(): Uint8Array;
  /**
   * Gives the instances, or those that the next configuration makes, what the generation before has handed over.
   * @throws {OutriderError} `PROTOCOL_VIOLATION` where it is not of this SDK's form.
   */
  restore(handoff: Uint8Array): void;
}

/** One fault of a configuration. */
export type Fault = Pick<ConfigError, "instance" | "path" | "message">;

/** What all hosts of a process share. */
export type HostContext = Pick<InstanceContext, "clock" | "log"> & {
  readonly definitions: readonly AnyDefinition[];
};

/** A host that has sent nothing yet. */
export function createHostState({ definitions, clock, log }: HostContext): HostState {
  const table = createReplicatedTable();
  const inflight = createServedInflight();
  const context: InstanceContext = { table: () => table.version, inflight, clock, log };
  let instances: ReadonlyMap<number, ServedInstance> = new Map();
  let nowMs = 0;
  let handed: readonly HandoffEntry[] = [];

  const restore = () => {
    if (instances.size === 0) return;
    const wanted = Array.from(instances, ([id, instance]) => ({
      id,
      type: instance.type,
      configJson: instance.configJson,
      instance,
    }));
    for (const [{ instance }, state] of matchHandoff(handed, wanted)) instance.restore(state);
    handed = [];
  };

  const make = (wanted: Instance): ServedInstance | readonly Fault[] => {
    const before = instances.get(wanted.id);
    const configJson = new TextDecoder().decode(wanted.configJson);
    if (before?.type === wanted.type && before.configJson === configJson) return before;
    const definition = definitions.find(({ type }) => type === wanted.type);
    if (definition === undefined) return [unknownType(wanted, definitions)];
    const made = makeFromJson(definition, configJson);
    if (made.kind === "faults") return made.faults.map((fault) => ({ instance: wanted.id, ...fault }));
    const instance = serveInstance(definition, made, configJson, context);
    return instance;
  };

  return {
    inflight,
    get version() {
      return table.version;
    },
    get nowMs() {
      return nowMs;
    },
    get instances() {
      return instances;
    },
    configure({ instances: wanted, columns }) {
      const made = wanted.map((instance) => [instance, make(instance)] as const);
      const faults = made.flatMap(([, result]) => (isFaults(result) ? result : []));
      if (faults.length > 0) return faults;
      const next = new Map<number, ServedInstance>();
      for (const [instance, result] of made) {
        if (isFaults(result)) continue;
        result.connect(instance);
        if (instances.get(instance.id) !== result) introduce(result, table.version);
        next.set(instance.id, result);
      }
      instances = next;
      table.setColumns(columns);
      inflight.setColumns(columns);
      restore();
      return [];
    },
    applyState(chunk) {
      const outcome = table.apply(chunk);
      if (outcome.kind !== "applied") return outcome;
      nowMs = chunk.nowMs;
      const { change } = outcome;
      const isChange = change.removedSlots.length > 0 || change.upserted.length > 0;
      if (isChange) for (const instance of instances.values()) instance.endpointsChanged(change);
      return outcome;
    },
    handoff() {
      const entries = Array.from(instances).flatMap(([id, instance]) => {
        const state = instance.handoff();
        const { type, configJson } = instance;
        return state === undefined || state.length === 0 ? [] : [{ id, type, configJson, state }];
      });
      return packHandoff(entries, ({ type, state }) =>
        log(
          `${type}: ${state.length} bytes of learned state are dropped: all of a process's has to fit ${maxHandoffBytes}`,
        ),
      );
    },
    restore(handoff) {
      handed = unpackHandoff(handoff);
      restore();
    },
  };
}

/** Tells a new instance of the endpoints that the others know already. */
function introduce(instance: ServedInstance, version: TableVersion): void {
  const upserted = Array.from(version.live, (slot) => version.at(slot)!);
  if (upserted.length > 0) instance.endpointsChanged({ removedSlots: [], upserted });
}

function isFaults(result: ServedInstance | readonly Fault[]): result is readonly Fault[] {
  return Array.isArray(result);
}

function makeFromJson(definition: AnyDefinition, configJson: string): MadeInstance {
  try {
    return makeInstance(definition, configJson === "" ? undefined : JSON.parse(configJson));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return { kind: "faults", faults: [{ path: "", message: `could not be created: ${message}` }] };
  }
}

function unknownType({ id, type }: Instance, definitions: readonly AnyDefinition[]): Fault {
  const served = definitions.map((definition) => definition.type).join(", ");
  return { instance: id, path: "", message: `no type ${type} here; this plugin serves ${served}` };
}
