import type { Need, StateScope } from "@outrider/core/contract";
import { type HandshakeResponse, type Instance, Role, StateScope as WireScope } from "@outrider/protos/scorer";
import { fromWireNeed } from "../plugins/admit-plugin.ts";
import { CastError } from "./replay-errors.ts";

/** One configured instance of a recorded connection. */
export interface RecordedInstance {
  /** Number that its calls name. */
  readonly id: number;
  readonly type: string;
  /** `parameters:` as the host sent them. */
  readonly parameters: unknown;
  readonly granted: readonly Need[];
  /** Whether its vetoes counted. */
  readonly mayVeto: boolean;
  /** Key of each number of its data. */
  readonly keys: ReadonlyMap<number, string>;
  /** Keys that it writes, in the order of its declaration; empty for a scorer. */
  readonly produces: readonly string[];
  /** Where its state lives. */
  readonly state: StateScope;
}

/** What a plugin was configured to be. @throws {CastError} where its parameters are no JSON. */
export function toRecordedInstance(instance: Instance, hello: HandshakeResponse): RecordedInstance {
  const { id, type, configJson, granted, data } = instance;
  const spec = hello.scorers.find((offered) => offered.type === type);
  const text = new TextDecoder().decode(configJson);
  return {
    id,
    type,
    parameters: text === "" ? undefined : parseParameters(text, instance),
    granted: granted.map(fromWireNeed),
    mayVeto: granted.some(({ key }) => key === "veto"),
    keys: new Map(data.map(({ id, key }) => [id, key])),
    produces: spec?.role === Role.PRODUCER ? spec.produces.map((name) => `data.${name}`) : [],
    state: toScope(spec?.state),
  };
}

function parseParameters(text: string, { id, type }: Instance): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CastError(`instance ${id}, ${type}: its recorded parameters are no JSON`, { cause });
  }
}

/** What is not said counts as local. */
function toScope(scope: WireScope | undefined): StateScope {
  if (scope === WireScope.NONE) return "none";
  return scope === WireScope.SHARED ? "shared" : "local";
}
