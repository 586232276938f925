/** Exit code of wrong usage, and of what cannot start. */
export const usageExitCode = 2;

/** Tells what is wrong with a command line, a line a problem, and sets the exit code. */
export function failUsage(command: string, problems: readonly string[]): void {
  for (const problem of problems) process.stderr.write(`outrider ${command}: ${problem}\n`);
  process.stderr.write(`outrider ${command}: see outrider ${command} --help\n`);
  process.exitCode = usageExitCode;
}
