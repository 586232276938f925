import { dirname, join, resolve } from "node:path";
import { type ConfigDocument, quote, type Reporter, readConfigBytes, toConfigText } from "@outrider/host";
import { isMap as isYamlMap, stringify } from "yaml";
import type { Scenario } from "../contract/index.ts";
import { describeFileError } from "../workload/read-lines.ts";

/** A configuration as a scenario has it. */
export type ConfigSource = Pick<Scenario, "configName" | "configText" | "configFolder">;

/** What a scenario is read from. */
export interface ScenarioOrigin {
  /** How messages name it. */
  readonly name: string;
  readonly folder: string;
  /** As it was read. */
  readonly text: string;
  readonly document: ConfigDocument;
}

/** Reads the configuration that a scenario names. Reports a file that cannot be read. */
export async function readConfig(
  file: string,
  origin: ScenarioOrigin,
  report: Reporter,
): Promise<ConfigSource | undefined> {
  const path = resolve(origin.folder, file);
  const name = join(dirname(origin.name), file);
  try {
    const read = toConfigText({ name, bytes: await readConfigBytes(path), folder: dirname(path) });
    if (read.kind === "text") return { configName: name, configText: read.text, configFolder: dirname(path) };
    report.fault(["config"], `names a file that ${read.fault.message}`, read.fault.hint);
  } catch (cause) {
    const message = `names a file that cannot be read, ${quote(file)}: ${describeFileError(cause)}`;
    report.fault(["config"], message, "paths start at the folder of the scenario");
  }
  return undefined;
}

/**
 * The configuration that stands in a scenario, every line and column where it is there.
 * @param changed whether it is no longer as it is written.
 */
export function innerConfig(value: object, origin: ScenarioOrigin, changed: boolean): ConfigSource {
  const text = (changed ? undefined : writtenConfig(origin)) ?? stringify(value);
  return { configName: origin.name, configText: text, configFolder: origin.folder };
}

/** The text of the configuration behind as many lines and columns as are in front of it. */
function writtenConfig({ text, document }: ScenarioOrigin): string | undefined {
  const node = document.yaml.get("config", true);
  if (!isYamlMap(node) || !node.range || node.anchor !== undefined) return undefined;
  const [start, end] = node.range;
  const before = text.slice(0, start);
  const lineStart = before.lastIndexOf("\n") + 1;
  return before.slice(0, lineStart).replaceAll(/[^\n]/g, "") + " ".repeat(start - lineStart) + text.slice(start, end);
}
