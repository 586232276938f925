import { create } from "@bufbuild/protobuf";
import {
  type ConfigureRequest,
  type ConfigureResponse,
  ConfigureResponseSchema,
  type PushStateRequest,
  type PushStateResponse,
  PushStateResponseSchema,
} from "@outrider/protos/scorer";
import type { Conversation, PluginParts } from "./honest-plugin.ts";
import { noTable } from "./honest-table.ts";

/** A connection that has said nothing. */
export function newConversation(): Conversation {
  return {
    table: noTable,
    step: [],
    instances: new Map(),
    waitingColumn: 0,
    counts: new Map(),
    hostInstance: "",
    steps: 0,
  };
}

/** Takes a configuration, or finds fault with it. */
export function configure(parts: PluginParts, talk: Conversation, request: ConfigureRequest): ConfigureResponse {
  const errors = [...parts.faults(request, parts.types)];
  if (errors.length === 0) {
    talk.waitingColumn = request.columns.find(({ key }) => key === "waiting_requests")?.id ?? 0;
    talk.instances = new Map(
      request.instances.map(({ id, type, data }) => [id, { type, dataColumn: data[0]?.id ?? 0 }]),
    );
  }
  return create(ConfigureResponseSchema, { errors });
}

/** Takes a chunk of state; the answer to it, which a Session sends as often as `acks` says. */
export function takeChunk(parts: PluginParts, talk: Conversation, chunk: PushStateRequest): PushStateResponse {
  talk.step.push(chunk);
  const { epoch, rev } = talk.table;
  if (chunk.more && parts.isHasty) talk.table = { ...parts.apply(talk, [chunk]), rev };
  if (chunk.more) return create(PushStateResponseSchema, { epoch, rev });
  const step = talk.step;
  talk.step = [];
  if (!parts.accepts(talk.table, step)) {
    const nack = { code: "failed_precondition", message: "does not fit", haveEpoch: epoch, haveRev: rev };
    return create(PushStateResponseSchema, { epoch, rev, nack });
  }
  talk.steps += 1;
  talk.table = parts.apply(talk, step);
  return create(PushStateResponseSchema, { epoch: chunk.epoch, rev: chunk.toRev });
}
