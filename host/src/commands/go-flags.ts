import { type Command, InvalidArgumentError, type Option } from "commander";
import { parseBoolean } from "./flag-values.ts";

/**
 * Arguments in Go's syntax as commander reads them: one dash or two before a long name, `-v=2`, `--flag value`,
 * `--switch=false`. Descends into subcommands; what no option is called stays as it is, for commander to refuse.
 * @throws {InvalidArgumentError} for a switch whose value is neither true nor false.
 */
export function fromGoFlags(args: readonly string[], command: Command): string[] {
  const normal: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--") return [...normal, ...args.slice(i)];
    const flag = /^--?([A-Za-z][\w.-]*)(?:=([\s\S]*))?$/.exec(word);
    if (flag === null) {
      normal.push(word);
      const inner = command.commands.find((candidate) => candidate.name() === word);
      if (inner !== undefined) return [...normal, ...fromGoFlags(args.slice(i + 1), inner)];
      continue;
    }
    const [, name = "", value] = flag;
    const option = findOption(command, name);
    if (option === undefined) normal.push(word);
    else if (!option.required) normal.push(...toSwitch(option, value));
    else if (value !== undefined) normal.push(`${option.long}=${value}`);
    else if (i + 1 < args.length) normal.push(`${option.long}=${args[++i]}`);
    else normal.push(option.long ?? word);
  }
  return normal;
}

function findOption(command: Command, name: string): Option | undefined {
  const known = command.options.find(({ long, short }) => long === `--${name}` || short === `-${name}`);
  return (
    known ??
    (name === "help" || name === "h" ? undefined : command.parent?.options.find(({ long }) => long === `--${name}`))
  );
}

/** A flag that needs no value: `[value]` options get one, plain ones are there or not. */
function toSwitch(option: Option, value: string | undefined): readonly string[] {
  if (option.optional) return [`${option.long}=${value ?? "true"}`];
  const on = value === undefined ? true : parseBoolean(value);
  if (on === undefined) throw new InvalidArgumentError(`${option.long} is true or false, not "${value}"`);
  return on ? [option.long ?? ""] : [];
}
