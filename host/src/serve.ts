import { OutriderError } from "@outrider/core";
import type { ServeOptions } from "./commands/serve-options.ts";
import { formatFault } from "./config/faults.ts";
import { loadConfig, openConfig } from "./config/load.ts";
import type { HostConfig } from "./config/types.ts";
import { createHost, type Host } from "./host.ts";
import { createLog, type Log } from "./log.ts";
import type { PluginCatalogue } from "./plugins/types.ts";

const exitCodes = { fine: 0, cannotStart: 2 } as const;

/**
 * Runs the endpoint picker until SIGTERM or SIGINT, then drains; a second signal ends it at once.
 * @returns the exit code: 0, or 2 when it could not start.
 */
export async function serve(options: ServeOptions, catalogue: PluginCatalogue): Promise<number> {
  const log = createLog(options.verbosity);
  for (const notice of options.notices) log.warn(notice);
  const config = await readConfig(options, catalogue, log, "fatal");
  if (config === undefined) return exitCodes.cannotStart;
  const signalled = nextSignal();
  const host = await startHost(options, config, catalogue, log);
  if (host === undefined) return exitCodes.cannotStart;
  const stopReloading = reloadOnHangup(host, options, catalogue, log);
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
  level: "fatal" | "error",
): Promise<HostConfig | undefined> {
  try {
    const result = await loadConfig(await openConfig(config), catalogue);
    for (const warning of result.warnings) log.warn(formatFault(result.name, warning));
    if (result.kind === "valid") return result.config;
    for (const fault of result.faults) log[level]({ code: "CONFIG_INVALID" }, formatFault(result.name, fault));
  } catch (cause) {
    log[level]({ code: "CONFIG_INVALID", err: cause }, "the configuration cannot be read");
  }
  return undefined;
}

/** SIGHUP puts the configuration as it is now in force; a wrong one changes nothing. @returns what ends that. */
function reloadOnHangup(host: Host, options: ServeOptions, catalogue: PluginCatalogue, log: Log): () => void {
  const reload = async () => {
    const config = await readConfig(options, catalogue, log, "error");
    if (config === undefined) return log.error("the configuration before stays in force");
    await host.change(config).catch((err: unknown) => log.error({ err }, "the configuration before stays in force"));
  };
  const take = () => void reload();
  process.on("SIGHUP", take);
  return () => void process.off("SIGHUP", take);
}

async function startHost(
  options: ServeOptions,
  config: HostConfig,
  catalogue: PluginCatalogue,
  log: Log,
): Promise<Host | undefined> {
  try {
    return await createHost({ options, config, catalogue, log });
  } catch (cause) {
    if (cause instanceof OutriderError) log.fatal({ code: cause.code }, cause.message);
    else log.fatal({ err: cause }, describeStartFault(cause));
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
