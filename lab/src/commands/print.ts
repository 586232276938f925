import { WriteError } from "../report/index.ts";

/**
 * Writes to the standard output; a reader that has gone away is not told about.
 * @throws {WriteError} for a full disk and the like.
 */
export async function print(text: string): Promise<void> {
  const stream = process.stdout;
  let settle: (error?: Error | null) => void = () => undefined;
  const written = new Promise<Error | null | undefined>((resolve) => {
    settle = resolve;
  });
  stream.once("error", settle); // otherwise it would end the process
  stream.write(text, settle);
  const error = await written;
  if (error && (error as NodeJS.ErrnoException).code !== "EPIPE") throw new WriteError("the standard output", error);
}
