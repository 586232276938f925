import type { Command } from "commander";

/** Exit code of wrong usage, and of what cannot start. */
export const usageExitCode = 2;

/** Tells what is wrong with a command line, a line a problem, and sets the exit code. */
export function failUsage(command: Command, problems: readonly string[]): void {
  const path = pathOf(command);
  for (const problem of problems) process.stderr.write(`${path}: ${problem}\n`);
  process.stderr.write(`${path}: see ${path} --help\n`);
  process.exitCode = usageExitCode;
}

/** A command as it is asked for, such as `outrider config check`. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** What was thrown, as an error. */
export function toError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
