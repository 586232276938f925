import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ColumnDataSchema,
  ConfigureRequestSchema,
  HandshakeRequestSchema,
  ScoreRequestSchema,
} from "@outrider/protos/scorer";
import { toBitmap } from "@outrider/transport";
import { isColumnKey, isInflightKey, type NumberedColumn } from "./instance.ts";
import type { Configured } from "./link.ts";
import type { StateView } from "./state-steps.ts";
import type { TestCall } from "./test-call.ts";
import type { World } from "./world.ts";

/** Budget that a plugin is told at Configure, in µs: a decision's default. */
const budgetUs = 5_000;

/** Time for the first table, in ms. */
const syncBudgetMs = 10_000;

/** The kit introduces itself. */
export function toHandshakeRequest(
  hostInstance: string,
  columns: readonly NumberedColumn[],
): MessageInitShape<typeof HandshakeRequestSchema> {
  return {
    host: "outrider-verify",
    hostVersion: "1.0.0",
    hostInstance,
    features: ["cancel", "handoff"],
    availableColumns: columns.map((column) => ({ ...column })),
  };
}

/** What the instances are configured with. */
export function toConfigureRequest(
  instances: readonly Configured[],
  columns: readonly NumberedColumn[],
): MessageInitShape<typeof ConfigureRequestSchema> {
  const granted = new Set(instances.flatMap((instance) => instance.granted.map(({ key }) => key)));
  return {
    instances: instances.map(({ id, type, parameters, granted: needs, produces }) => ({
      id,
      type,
      configJson: Buffer.from(parameters),
      granted: needs.map((need) => ({ ...need, names: [...need.names] })),
      data: columns
        .filter(({ key }) => produces.includes(key) || isGrantedData(key, needs))
        .map((data) => ({ ...data })),
    })),
    columns: columns.filter(({ key }) => isColumnKey(key) && granted.has(key)).map((column) => ({ ...column })),
    budgetUs,
    syncBudgetMs,
  };
}

function isGrantedData(key: string, needs: Configured["granted"]): boolean {
  return key.startsWith("data.") && needs.some((need) => need.key === key);
}

/** A call as it travels, but for the endpoints of the level basic. */
export function toScoreRequest(
  call: TestCall,
  { epoch, rev }: { readonly epoch: number; readonly rev: number },
): MessageInitShape<typeof ScoreRequestSchema> {
  const { callId, instance, slots, seed, nowMs, budgetUs: budget, profile, facts, data } = call;
  return {
    callId,
    instance: instance.id,
    epoch,
    rev,
    candidates: slots === undefined ? new Uint8Array(0) : toBitmap(slots),
    request: facts,
    budgetUs: budget,
    nowMs,
    seed,
    profile,
    data: [...data],
  };
}

/** Values of the columns that change with every decision, of all endpoints. */
export function toInflightData(world: World, { columns }: StateView): MessageInitShape<typeof ColumnDataSchema>[] {
  return columns
    .filter(({ key }) => isInflightKey(key))
    .map(({ id, key }) => {
      const named = [...world.endpoints].filter(([, { values }]) => values.has(key));
      const values = named.map(([, endpoint]) => endpoint.values.get(key)!.value);
      return { column: id, slots: toBitmap(named.map(([slot]) => slot)), values };
    })
    .filter(({ values }) => values.length > 0);
}
