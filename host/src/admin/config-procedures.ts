import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { OutriderError } from "@outrider/core/contract";
import type { AdminService, RefusedConfigSchema } from "@outrider/protos/admin";
import { QueueFullError } from "../reload/change-queue.ts";
import type { ConfigChanges } from "../reload/config-changes.ts";
import type { ChangeResult, PastConfig, RefusedAttempt } from "../reload/types.ts";
import type { Weights } from "../reload/weights.ts";

/** What the procedures do it with. */
export interface ConfigControl extends Pick<ConfigChanges, "reload" | "rollback" | "refused" | "history"> {
  readonly weights: Pick<Weights, "list" | "set" | "clear">;
}

type Procedures = "getConfig" | "listConfigs" | "reloadConfig" | "rollbackConfig" | "setWeights" | "clearWeights";

/** Faults of a refused configuration that are shown. */
const maxFaults = 1_000;

/** Procedures that show the configuration and change it. */
export function createConfigProcedures(configs: ConfigControl): Pick<ServiceImpl<typeof AdminService>, Procedures> {
  const weights = () => configs.weights.list().map((weight) => ({ ...weight }));
  return {
    getConfig({ generation }) {
      const [current] = configs.history;
      const entry = generation === 0 ? current : configs.history.find((each) => each.generation === generation);
      if (entry === undefined) throw new ConnectError(`generation ${generation} is not kept`, Code.NotFound);
      const shown = { ...toSummary(entry), text: entry.config.source.text };
      if (entry !== current) return shown;
      const { refused } = configs;
      return { ...shown, weights: weights(), ...(refused === undefined ? {} : { refused: toRefused(refused) }) };
    },
    listConfigs: () => ({ configs: configs.history.map(toSummary) }),
    async reloadConfig() {
      const result = await configs.reload("admin").catch(toConnectError);
      return { generation: generationOf(result), unchanged: result.kind === "unchanged" };
    },
    async rollbackConfig({ generation: wanted }) {
      const result = await configs.rollback(wanted).catch(toConnectError);
      const generation = generationOf(result);
      const entry = configs.history.find((each) => each.generation === generation);
      return { generation, rollbackOf: result.kind === "unchanged" ? 0 : (entry?.rollbackOf ?? 0) };
    },
    setWeights({ profile, weights: wanted, ttlMs }) {
      try {
        configs.weights.set(profile, new Map(Object.entries(wanted)), ttlMs);
      } catch (cause) {
        if (cause instanceof OutriderError) throw new ConnectError(cause.message, Code.InvalidArgument);
        throw cause;
      }
      return { weights: weights() };
    },
    clearWeights({ profile }) {
      configs.weights.clear(profile);
      return { weights: weights() };
    },
  };
}

function toSummary(entry: PastConfig) {
  const { generation, config, loadedAtMs, cause, rollbackOf } = entry;
  const { name: source, sha256 } = config.source;
  return { generation, source, sha256, loadedAtMs, cause, rollbackOf };
}

function toRefused({ faults, ...attempt }: RefusedAttempt): MessageInitShape<typeof RefusedConfigSchema> {
  return { ...attempt, faults: faults.slice(0, maxFaults).map((fault) => ({ ...fault })) };
}

/** Generation in force behind a change. @throws {ConnectError} where it was not made. */
function generationOf(result: ChangeResult): number {
  switch (result.kind) {
    case "applied":
    case "unchanged":
      return result.generation;
    case "refused":
      throw new ConnectError(result.attempt.message, Code.FailedPrecondition);
    case "absent":
      throw new ConnectError(result.message, Code.NotFound);
  }
}

function toConnectError(cause: unknown): never {
  if (cause instanceof QueueFullError) throw new ConnectError(cause.message, Code.ResourceExhausted);
  throw cause;
}
