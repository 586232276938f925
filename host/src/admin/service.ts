import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { DecisionRecord } from "@outrider/core";
import {
  type AdminService,
  type GetDecisionRequest,
  type GetDecisionResponse,
  GetDecisionResponseSchema,
  type PluginSchema,
  type ResolvedDecisionSchema,
} from "@outrider/protos/admin";
import type { HostConfig } from "../config/types.ts";
import type { CallTimes, PluginHistory, PluginStatus } from "../plugins/types.ts";
import { type ColumnNumbers, createColumnNumbers } from "../record/column-numbers.ts";
import { type DecisionContext, toDecision } from "../record/to-decision.ts";
import { type ConfigControl, createConfigProcedures } from "./config-procedures.ts";
import { createPluginProcedures, type PluginControl } from "./plugin-procedures.ts";
import { createRecordingProcedures, type RecordingSource } from "./recording-procedures.ts";

/** Past decisions. */
export interface DecisionSource {
  /** A decision by its id, or by the id of its request; the newest where several fit. */
  find(id: string): DecisionRecord | undefined;
  /** The latest `count`, newest first. */
  latest(count: number): readonly DecisionRecord[];
  /** What the record of one of them leaves out. */
  contextOf(record: DecisionRecord): DecisionContext;
}

/** One configured plugin: what the runtime knows of it, and how its calls counted in decisions. */
export type PluginView = PluginStatus &
  PluginHistory & {
    /** Missing answers that something stood in for. */
    readonly fallbacks: number;
  };

/** What the admin interface tells of. */
export interface AdminSources {
  /** Why the host does not take requests; empty = it does. */
  readiness(): readonly string[];
  /** In the order of the configuration. */
  plugins(): readonly PluginView[];
  readonly control: PluginControl;
  readonly configs: ConfigControl;
  readonly decisions: DecisionSource;
  readonly recordings: RecordingSource;
}

/** Longest part shown of an answer that broke the contract. */
const maxFrameBytes = 64 * 1024;
/** Most decisions in one answer. */
const maxDecisions = 1_000;

/** The procedures of `outrider.admin.v1.AdminService`. */
export function createAdminService(sources: AdminSources): ServiceImpl<typeof AdminService> {
  const isKnown = (name: string) => sources.plugins().some((plugin) => plugin.name === name || plugin.process === name);
  return {
    listPlugins({ names }) {
      const { config } = sources.configs.history[0]!;
      const wanted = sources.plugins().filter(({ name }) => names.length === 0 || names.includes(name));
      return { plugins: wanted.map((status) => toPlugin(status, config)) };
    },
    ...createConfigProcedures(sources.configs),
    ...createPluginProcedures(sources.control, isKnown),
    ...createRecordingProcedures(sources.recordings),
    getDecision: (request) => toResponse(findDecisions(request, sources.decisions), sources.decisions),
  };
}

function toPlugin(status: PluginView, { plugins, profiles }: HostConfig): MessageInitShape<typeof PluginSchema> {
  const { name, type, placement, state, message, restarts, calls, lateAnswers, lastError } = status;
  const spec = plugins.find((plugin) => plugin.name === name);
  const places = profiles.flatMap(({ scorers }) => scorers.filter((place) => place.name === name));
  return {
    name,
    type,
    placement,
    state,
    message,
    restarts,
    calls: { ...calls },
    lateAnswers,
    lastError,
    generation: status.generation,
    pluginVersion: status.pluginVersion,
    ...toDurations(status.times),
    revLag: status.revLag,
    droppedFeedback: status.droppedFeedback,
    violations: status.violations,
    resyncs: status.resyncs,
    fallbacks: status.fallbacks,
    ...(status.offendingFrame === undefined
      ? {}
      : { offendingFrame: status.offendingFrame.subarray(0, maxFrameBytes) }),
    events: status.events.map((event) => ({ ...event })),
    shadow: places.length > 0 && places.every(({ shadow }) => shadow),
    process: status.process ?? "",
    pid: status.pid ?? 0,
    granted: [...status.granted],
    profile: status.profile ?? "",
    budgetUs: Math.round((spec?.budgetMs ?? 0) * 1_000),
    required: spec?.required ?? false,
  };
}

function toDurations({ call, host, wire, plugin }: CallTimes) {
  return {
    ...(call === undefined ? {} : { callDuration: call }),
    ...(host === undefined ? {} : { hostDuration: host }),
    ...(wire === undefined ? {} : { wireDuration: wire }),
    ...(plugin === undefined ? {} : { pluginDuration: plugin }),
  };
}

function findDecisions({ which }: GetDecisionRequest, source: DecisionSource): readonly DecisionRecord[] {
  switch (which.case) {
    case "decisionId":
    case "requestId":
      return findOne(which.value, source);
    case "latest":
      if (which.value >= 1 && which.value <= maxDecisions) return source.latest(which.value);
      throw new ConnectError(`latest must be 1 to ${maxDecisions}, is ${which.value}`, Code.InvalidArgument);
    case undefined:
      return source.latest(1);
  }
}

function findOne(id: string, source: DecisionSource): readonly DecisionRecord[] {
  if (id === "") throw new ConnectError("the id is empty", Code.InvalidArgument);
  const record = source.find(id);
  if (record !== undefined) return [record];
  throw new ConnectError(`no decision with the id ${id.slice(0, 100)} is held any more`, Code.NotFound);
}

function toResponse(records: readonly DecisionRecord[], source: DecisionSource): GetDecisionResponse {
  const numbers = createColumnNumbers();
  const decisions = records.map((record) => resolve(record, source, numbers));
  return create(GetDecisionResponseSchema, { decisions, columns: numbers.columns() });
}

function resolve(
  record: DecisionRecord,
  source: DecisionSource,
  numbers: ColumnNumbers,
): MessageInitShape<typeof ResolvedDecisionSchema> {
  const endpoints = [...record.candidates].flatMap((slot) => record.snapshot.at(slot) ?? []);
  return {
    decision: toDecision(record, source.contextOf(record), numbers),
    endpoints: endpoints.map(({ slot, id, address, incarnation }) => ({ slot, id, address, incarnation })),
  };
}
