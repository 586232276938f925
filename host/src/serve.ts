import { OutriderError } from "@outrider/core";
import type { ServeOptions } from "./commands/serve-options.ts";
import { formatFault } from "./config/faults.ts";
import { loadConfig, openConfig } from "./config/load.ts";
import type { RawConfig } from "./config/source.ts";
import type { HostConfig } from "./config/types.ts";
import { createHost, type Host, type HostParts } from "./host.ts";
import { createLog, type Log } from "./log.ts";
import type { PluginCatalogue } from "./plugins/types.ts";
import type { ConfigChanges } from "./reload/config-changes.ts";
import { loadInThread } from "./reload/load-in-thread.ts";
import { watchConfigFile } from "./reload/watch-config-file.ts";

const exitCodes = { fine: 0, cannotStart: 2 } as const;

/**
 * Runs the endpoint picker until SIGTERM or SIGINT, then drains; a second signal ends it at once.
 * @param module URL of the module that exports the catalogue as `plugins`: another thread checks what the configuration
 *   changes to then, and no decision waits for that.
 * @returns the exit code: 0, or 2 when it could not start.
 */
export async function serve(options: ServeOptions, catalogue: PluginCatalogue, module?: string): Promise<number> {
  const log = createLog(options.verbosity);
  for (const notice of options.notices) log.warn(notice);
  const config = await readConfig(options, catalogue, log);
  if (config === undefined) return exitCodes.cannotStart;
  const signalled = nextSignal();
  const load = (raw: RawConfig) =>
    module === undefined ? loadConfig(raw, catalogue) : loadInThread({ raw, catalogue: module });
  const host = await startHost({ options, config, catalogue, load, log });
  if (host === undefined) return exitCodes.cannotStart;
  const stopReloading = reloadOnChange(host.changes, options, log);
  const signal = await signalled;
  stopReloading();
  void nextSignal().then(() => process.exit(1));
  log.info({ signal, timeoutMs: options.drainTimeoutMs }, "draining");
  await host.drain(options.drainTimeoutMs);
  log.info("outrider has ended");
  return exitCodes.fine;
}

/** The configuration, or nothing when it is wrong; its faults are logged. */
async function readConfig(
  { config }: ServeOptions,
  catalogue: PluginCatalogue,
  log: Log,
): Promise<HostConfig | undefined> {
  try {
    const result = await loadConfig(await openConfig(config), catalogue);
    for (const warning of result.warnings) log.warn(formatFault(result.name, warning));
    if (result.kind === "valid") return structuredClone(result.config); // Its like come from another thread later.
    for (const fault of result.faults) log.fatal({ code: "CONFIG_INVALID" }, formatFault(result.name, fault));
  } catch (cause) {
    log.fatal({ code: "CONFIG_INVALID", err: cause }, "the configuration cannot be read");
  }
  return undefined;
}

/** SIGHUP, and a change of the file where it is watched, change the configuration. @returns what ends that. */
function reloadOnChange(changes: ConfigChanges, { config, watchConfig }: ServeOptions, log: Log): () => void {
  const failed = (err: unknown) => log.error({ err }, "the configuration was not changed");
  const hangUp = () => void changes.reload("signal").catch(failed);
  process.on("SIGHUP", hangUp);
  const isWatched = config.kind === "file" && watchConfig;
  const unwatch = isWatched
    ? watchConfigFile(config.path, (raw) => void changes.noticed(raw).catch(failed))
    : undefined;
  return () => {
    process.off("SIGHUP", hangUp);
    unwatch?.();
  };
}

async function startHost(parts: HostParts): Promise<Host | undefined> {
  try {
    return await createHost(parts);
  } catch (cause) {
    if (cause instanceof OutriderError) parts.log.fatal({ code: cause.code }, cause.message);
    else parts.log.fatal({ err: cause }, describeStartFault(cause));
    return undefined;
  }
}

/** What to do about a port that is taken is what most who see this need. */
function describeStartFault(cause: unknown): string {
  const { code, port } = cause as { code?: string; port?: number };
  if (code === "EADDRINUSE")
    return `port ${port} is taken: end what uses it, or choose another by a flag (0 = any free one)`;
  if (code === "EACCES") return `port ${port} may not be used: choose one above 1024`;
  return "the host could not start";
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const take = (signal: NodeJS.Signals) => {
      process.off("SIGTERM", take);
      process.off("SIGINT", take);
      resolve(signal);
    };
    process.on("SIGTERM", take);
    process.on("SIGINT", take);
  });
}
