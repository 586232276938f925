import { create } from "@bufbuild/protobuf";
import type { AnyDefinition, Need, NeedKey } from "@outrider/core/contract";
import {
  Category,
  NeedSchema,
  Role,
  type ScorerSpec,
  ScorerSpecSchema,
  StateScope,
  type Need as WireNeed,
} from "@outrider/protos/scorer";
import { z } from "zod";

/** Calls an instance takes before it has answered one, unless its definition says otherwise. */
export const defaultConcurrency = 64;

const categories = {
  affinity: Category.AFFINITY,
  distribution: Category.DISTRIBUTION,
  balance: Category.BALANCE,
} as const;

const stateScopes = { none: StateScope.NONE, local: StateScope.LOCAL, shared: StateScope.SHARED } as const;

/** A definition as the handshake tells of it. */
export function toScorerSpec(definition: AnyDefinition): ScorerSpec {
  const { type, state, needs, maxConcurrency = defaultConcurrency } = definition;
  const isProducer = definition.kind === "producer";
  return create(ScorerSpecSchema, {
    type,
    category: isProducer ? Category.UNSPECIFIED : categories[definition.category],
    role: isProducer ? Role.PRODUCER : Role.SCORER,
    state: stateScopes[state],
    needs: needs.map(toWireNeed),
    configJsonSchema: toJsonSchema(definition.config),
    maxConcurrency,
    requestIndependent: !isProducer && definition.tableTtlMs !== undefined,
    produces: isProducer ? definition.produces.map((key) => key.replace(/^data\./, "")) : [],
  });
}

/** A need as it travels. */
export function toWireNeed(need: NeedKey | Need): WireNeed {
  const {
    key,
    required = false,
    maxBytes = 0,
    names = [],
    blockSizeTokens = 0,
  }: Need = typeof need === "string" ? { key: need } : need;
  return create(NeedSchema, { key, required, maxBytes, names: [...names], blockSize: blockSizeTokens });
}

/** JSON Schema of what is written under `parameters:`; empty where the schema is not zod's. */
function toJsonSchema(schema: AnyDefinition["config"]): Uint8Array<ArrayBuffer> {
  if (!(schema instanceof z.ZodType)) return new Uint8Array(0);
  return new TextEncoder().encode(JSON.stringify(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })));
}
