import { createHash } from "node:crypto";
import { type CycleClock, OutriderError } from "@outrider/core";
import type { Logger } from "pino";
import { formatFault, formatFaults } from "../config/faults.ts";
import type { ConfigResult } from "../config/load.ts";
import type { RawConfig } from "../config/source.ts";
import type { HostConfig } from "../config/types.ts";
import { createChangeQueue } from "./change-queue.ts";
import { createConfigHistory } from "./config-history.ts";
import type { ConfigInForce } from "./config-in-force.ts";
import { type ChangeCause, type ChangeResult, isSameText, type PastConfig, type RefusedAttempt } from "./types.ts";

/** Changes of the configuration: one at a time, each refused whole or swapped in whole. */
export interface ConfigChanges {
  /** Reads the configuration anew and puts it in force, where it is another than that. */
  reload(cause: "signal" | "admin"): Promise<ChangeResult>;
  /** The configuration's file holds something else, or cannot be read any more. What was tried before is left alone. */
  noticed(raw: RawConfig | Error): Promise<ChangeResult>;
  /**
   * Puts an earlier configuration in force again, as a new generation, until the file changes.
   * @param generation 0 = the newest that has another text than the one in force.
   */
  rollback(generation: number): Promise<ChangeResult>;
  /** The last change, where it was refused. */
  readonly refused: RefusedAttempt | undefined;
  /** Newest first; the first one is in force. */
  readonly history: readonly PastConfig[];
}

/** What changes are made with. */
export interface ChangeParts {
  readonly inForce: ConfigInForce;
  /** Reads the configuration's bytes. @throws the file system's error. */
  readonly open: () => Promise<RawConfig>;
  /** Checks it whole. */
  readonly load: (raw: RawConfig) => Promise<ConfigResult>;
  readonly clock: CycleClock;
  readonly log: Logger;
  /** A change has ended. */
  readonly ended: (outcome: "applied" | "unchanged" | "refused") => void;
}

/** Nothing has been changed yet. */
export function createConfigChanges(parts: ChangeParts): ConfigChanges {
  return new Changes(parts);
}

/** A reload that waits for its turn: whoever asks meanwhile is answered by it. */
interface WaitingReload {
  /** What the file was found to hold; `undefined` = it is read when it is its turn. */
  found: RawConfig | Error | undefined;
  readonly result: Promise<ChangeResult>;
}

class Changes implements ConfigChanges {
  readonly #parts: ChangeParts;
  readonly #queue = createChangeQueue();
  readonly #history;
  #waiting: WaitingReload | undefined;
  #refused: RefusedAttempt | undefined;
  /** SHA-256 of the text that was read last, good or not. */
  #tried: string;

  constructor(parts: ChangeParts) {
    const { config, generation, loadedAtMs } = parts.inForce;
    this.#parts = parts;
    this.#tried = config.source.sha256;
    this.#history = createConfigHistory({ generation, config, loadedAtMs, cause: "start", rollbackOf: 0 });
  }

  get refused(): RefusedAttempt | undefined {
    return this.#refused;
  }

  get history(): readonly PastConfig[] {
    return this.#history.list();
  }

  reload(cause: "signal" | "admin"): Promise<ChangeResult> {
    return this.#enqueue(cause, undefined);
  }

  noticed(found: RawConfig | Error): Promise<ChangeResult> {
    return this.#enqueue("file", found);
  }

  rollback(generation: number): Promise<ChangeResult> {
    this.#waiting = undefined; // A reload that is asked for now comes behind it.
    return this.#queue.add(() => this.#rollback(generation));
  }

  #enqueue(cause: ChangeCause, found: RawConfig | Error | undefined): Promise<ChangeResult> {
    if (this.#waiting !== undefined) {
      this.#waiting.found = this.#waiting.found && found;
      return this.#waiting.result;
    }
    const result = this.#queue.add(() => {
      if (this.#waiting === waiting) this.#waiting = undefined;
      return this.#reload(cause, waiting.found);
    });
    const waiting: WaitingReload = { found, result };
    this.#waiting = waiting;
    return result;
  }

  async #reload(cause: ChangeCause, found: RawConfig | Error | undefined): Promise<ChangeResult> {
    const raw = found ?? (await this.#parts.open().catch(toError));
    if (raw instanceof Error) {
      this.#tried = "";
      return this.#refuse({ cause, source: "the configuration", sha256: "" }, `cannot be read: ${raw.message}`);
    }
    const sha256 = createHash("sha256").update(raw.bytes).digest("hex");
    const { generation, config } = this.#parts.inForce;
    if (found !== undefined && sha256 === this.#tried) return { kind: "unchanged", generation };
    this.#tried = sha256;
    if (sha256 === config.source.sha256) return this.#unchanged();
    const result = await this.#load(raw);
    if (result instanceof Error) return this.#refuse({ cause, source: raw.name, sha256 }, result.message);
    if (result.kind === "valid") return this.#apply(result.config, cause, 0);
    const message = formatFaults(result.name, result.faults);
    return this.#refuse({ cause, source: result.name, sha256, faults: result.faults }, message);
  }

  async #load(raw: RawConfig): Promise<ConfigResult | Error> {
    const result = await this.#parts.load(raw).catch(toError);
    if (result instanceof Error) return result;
    for (const warning of result.warnings) this.#parts.log.warn(formatFault(result.name, warning));
    return result;
  }

  async #rollback(generation: number): Promise<ChangeResult> {
    const entry = this.#history.find(generation);
    if (entry === undefined) return { kind: "absent", message: this.#describeAbsence(generation) };
    if (isSameText(entry.config.source, this.#parts.inForce.config.source)) return this.#unchanged();
    return this.#apply(entry.config, "rollback", entry.generation);
  }

  async #apply(config: HostConfig, cause: ChangeCause, rollbackOf: number): Promise<ChangeResult> {
    const { inForce, ended, log } = this.#parts;
    try {
      const generation = await inForce.change(config);
      this.#history.add({ generation, config, loadedAtMs: inForce.loadedAtMs, cause, rollbackOf });
      this.#refused = undefined;
      ended("applied");
      return { kind: "applied", generation };
    } catch (error) {
      const { name: source, sha256 } = config.source;
      if (!(error instanceof OutriderError)) log.error({ err: error }, "the configuration cannot be put in force");
      return this.#refuse({ cause, source, sha256 }, toError(error).message);
    }
  }

  #unchanged(): ChangeResult {
    const { inForce, ended, log } = this.#parts;
    this.#refused = undefined;
    ended("unchanged");
    log.info({ generation: inForce.generation }, "the configuration has not changed");
    return { kind: "unchanged", generation: inForce.generation };
  }

  #refuse(
    about: Pick<RefusedAttempt, "cause" | "source" | "sha256"> & Partial<Pick<RefusedAttempt, "faults">>,
    message: string,
  ): ChangeResult {
    const { clock, log, ended } = this.#parts;
    this.#refused = { atMs: clock.nowMs(), faults: [], ...about, message };
    for (const line of message.split("\n")) log.error({ code: "CONFIG_INVALID" }, line);
    log.error({ cause: about.cause }, "the configuration before stays in force");
    ended("refused");
    return { kind: "refused", attempt: this.#refused };
  }

  #describeAbsence(generation: number): string {
    const kept = this.history.map((entry) => entry.generation).join(", ");
    if (generation === 0) return `no earlier configuration with another text is kept; kept: ${kept}`;
    return `generation ${generation} is not kept; kept: ${kept}`;
  }
}

function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
