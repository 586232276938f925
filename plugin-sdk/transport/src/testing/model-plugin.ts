import { create } from "@bufbuild/protobuf";
import {
  type PushStateRequest,
  type PushStateResponse,
  PushStateResponseSchema,
  type ScoreRequest,
  type ScoreResponse,
  ScoreResponseSchema,
  type SessionRequest,
} from "@outrider/protos/scorer";
import { fromBitmap, toBitmap } from "../bitmap.ts";
import { createReplicatedTable, type ReplicatedTable } from "../replicated-table.ts";
import type { ResponseFrame } from "../session-frames.ts";
import type { TableVersion } from "../table-version.ts";

/** Columns that the model's plugin is sent. */
export const modelColumns = [{ id: 1, key: "waiting_requests", unit: "requests" }];

/** What the model's plugin gives an endpoint: its name, as a number. */
export function rateOf(id: string): number {
  return Math.fround(Number(id.slice(1)) / 4096);
}

/** A plugin that keeps the contract and whose scores tell which endpoint they are for. */
export class ModelPlugin {
  /** Told of each table that it has. */
  onApplied: (version: TableVersion) => void = () => {};
  /** Whether it refuses the next step. */
  refuses = false;
  #table: ReplicatedTable = newTable();
  #isMidStep = false;
  #forgetsBehindStep = false;

  get version(): TableVersion {
    return this.#table.version;
  }

  /**
   * Loses its table, as a restart behind an unbroken connection would; behind the step that is under way, since no chunk
   * tells that others came before it.
   */
  forget(): void {
    if (this.#isMidStep) this.#forgetsBehindStep = true;
    else this.#table = newTable();
  }

  /** Takes a frame of a Session. */
  takes(frame: SessionRequest["frame"]): readonly ResponseFrame[] {
    switch (frame.case) {
      case "hello":
        return [{ case: "hello", value: { scorers: [{ type: "t" }] } }];
      case "configure":
        return [{ case: "configured", value: {} }];
      case "state": {
        const response = this.applies(frame.value);
        return response === undefined ? [] : [{ case: "stateAck", value: response }];
      }
      case "score":
        return [{ case: "scores", value: { results: frame.value.calls.map((call) => this.scores(call)) } }];
      case "feedback":
      case "cancel":
      case "drain":
      case "ping":
      case "inflight":
      case undefined:
        return [];
    }
  }

  /** Takes a chunk of state; answers a step's last. */
  applies(chunk: PushStateRequest): PushStateResponse | undefined {
    this.#isMidStep = chunk.more;
    if (this.refuses && !chunk.more) {
      this.refuses = false;
      this.forget();
      return create(PushStateResponseSchema, { nack: { code: "internal" } });
    }
    const outcome = this.#table.apply(chunk);
    if (outcome.kind === "pending") return undefined;
    if (outcome.kind === "applied") this.onApplied(this.version);
    if (this.#forgetsBehindStep) {
      this.#forgetsBehindStep = false;
      this.forget();
    }
    return outcome.response;
  }

  scores(call: ScoreRequest): ScoreResponse {
    const { callId, epoch, rev } = call;
    const { version } = this;
    if (version.epoch !== epoch || version.rev < rev) {
      const error = { code: "failed_precondition", haveEpoch: version.epoch, haveRev: version.rev };
      return create(ScoreResponseSchema, { callId, error });
    }
    const slots = call.candidates.length === 0 ? version.live : fromBitmap(call.candidates);
    const ids = Array.from(slots, (slot) => version.at(slot)?.id);
    const scores = ids.map((id) => (id === undefined ? 0 : rateOf(id)));
    const abstain = Uint8Array.from(toBitmap([...ids.keys()].filter((i) => ids[i] === undefined)));
    return create(ScoreResponseSchema, { callId, epoch, rev: version.rev, scores, abstain });
  }
}

function newTable(): ReplicatedTable {
  const table = createReplicatedTable();
  table.setColumns(modelColumns);
  return table;
}
