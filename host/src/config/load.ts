import { dirname, resolve } from "node:path";
import type { PluginCatalogue } from "../plugins/types.ts";
import { builtinConfig } from "./builtin-config.ts";
import { checkConfig } from "./check-config.ts";
import { readDocument } from "./document.ts";
import type { Fault } from "./faults.ts";
import { redactEnv } from "./redact.ts";
import { createReporter } from "./reporter.ts";
import { type ConfigOrigin, type RawConfig, readConfigBytes, toConfigText } from "./source.ts";
import type { HostConfig } from "./types.ts";

/** A configuration, or everything that is wrong with it. */
export type ConfigResult = {
  /** How messages name the configuration. */
  readonly name: string;
  /** What is odd, in the order of the text. */
  readonly warnings: readonly Fault[];
  /** What was added or has no effect, in the order of the text. */
  readonly notes: readonly Fault[];
} & (
  | { readonly kind: "valid"; readonly config: HostConfig }
  /** At least one fault, in the order of the text. */
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] }
);

/**
 * Reads the bytes of a configuration from where the command line says they are.
 * @throws the file system's error.
 */
export async function openConfig(origin: ConfigOrigin): Promise<RawConfig> {
  switch (origin.kind) {
    case "file":
      return { name: origin.path, bytes: await readConfigBytes(origin.path), folder: dirname(resolve(origin.path)) };
    case "text":
      return { name: "--config-text", bytes: Buffer.from(origin.text), folder: process.cwd() };
    case "builtin":
      return { name: "builtin", bytes: Buffer.from(builtinConfig), folder: process.cwd() };
  }
}

/** Checks a configuration whole, all faults at once. Loads the declarations of the built-in types that it names. */
export async function loadConfig(raw: RawConfig, catalogue: PluginCatalogue): Promise<ConfigResult> {
  const { name, folder } = raw;
  const read = toConfigText(raw);
  if (read.kind === "unreadable") return { kind: "invalid", name, faults: [read.fault], warnings: [], notes: [] };
  const document = readDocument(read.text);
  const report = createReporter(document);
  const settings = document.usable ? await checkConfig(document.value, folder, catalogue, report) : undefined;
  const faults = report.faults();
  const odd = { warnings: report.warnings(), notes: report.notes() };
  if (settings === undefined || faults.length > 0) return { kind: "invalid", name, faults, ...odd };
  const source = { name, text: redactEnv(read.text, document.yaml), sha256: read.sha256 };
  return { kind: "valid", name, config: { source, ...settings }, ...odd };
}
