import { type Command, InvalidArgumentError } from "commander";
import { openConfig } from "../config/load.ts";
import { maxConfigBytes, type RawConfig } from "../config/source.ts";
import { failUsage, toError } from "./usage.ts";

/** What stands for the standard input on a command line. */
const standardInput = "-";

/** Adds the argument that {@link readConfigArgument} takes. */
export function withConfigArgument(command: Command): Command {
  return command.argument(
    "<file>",
    "EndpointPickerConfig, YAML or JSON; - reads the standard input",
    (file: string) => {
      if (file === "") throw new InvalidArgumentError("name a file, or - for the standard input");
      return file;
    },
  );
}

/** The configuration that a command line names; `undefined` where it cannot be read, which is told. */
export async function readConfigArgument(file: string, command: Command): Promise<RawConfig | undefined> {
  const raw = await (file === standardInput ? readInput() : openConfig({ kind: "file", path: file })).catch(toError);
  if (!(raw instanceof Error)) return raw;
  failUsage(command, [`${file} cannot be read: ${raw.message}`]);
  return undefined;
}

/** At most one byte more than a configuration may have: what is too large is told of as in a file. */
async function readInput(): Promise<RawConfig> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of process.stdin as AsyncIterable<Uint8Array>) {
    parts.push(part);
    length += part.length;
    if (length > maxConfigBytes) break;
  }
  return { name: "stdin", bytes: Buffer.concat(parts).subarray(0, maxConfigBytes + 1), folder: process.cwd() };
}
