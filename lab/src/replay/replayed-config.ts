import { formatFaults, type HostConfig, loadConfig, type PluginCatalogue, type RawConfig } from "@outrider/host";
import type { Header } from "@outrider/protos/record";
import { ReplayError } from "./replay-error.ts";
import { patienceMs } from "./turn.ts";

/** The configuration that decisions are made again under. */
export interface ReplayedConfig {
  /** No budget ends in it: what was late is told by the recording. */
  readonly config: HostConfig;
  /** Whether it is the recorded one. */
  readonly isRecorded: boolean;
  /** As it was written, without what replay changes in it. */
  readonly source: HostConfig["source"];
}

/**
 * @param raw another configuration, or the recorded one with its values of `env:`; `undefined` = the recording's own.
 * @throws {ReplayError} with every fault, where it cannot be used.
 */
export async function loadReplayed(
  header: Header,
  raw: RawConfig | undefined,
  catalogue: PluginCatalogue,
): Promise<ReplayedConfig> {
  const loaded = await loadConfig(raw ?? toRaw(header), catalogue);
  if (loaded.kind === "invalid") throw new ReplayError(formatFaults(loaded.name, loaded.faults));
  const { source } = loaded.config;
  const isRecorded = raw === undefined || source.sha256 === Buffer.from(header.configSha256).toString("hex");
  return { config: withPatience(loaded.config), isRecorded, source };
}

function toRaw({ configText }: Header): RawConfig {
  if (configText === "") throw new ReplayError("the recording has no configuration: name one with --config");
  return { name: "recorded configuration", bytes: Buffer.from(configText), folder: process.cwd() };
}

function withPatience(config: HostConfig): HostConfig {
  const wait = <T extends { readonly budgetMs: number }>(place: T): T => ({ ...place, budgetMs: patienceMs });
  return {
    ...config,
    budgetMs: patienceMs,
    plugins: config.plugins.map(wait),
    waves: config.waves.map((wave) => wave.map(wait)),
    profiles: config.profiles.map((profile) => ({ ...profile, scorers: profile.scorers.map(wait) })),
  };
}
