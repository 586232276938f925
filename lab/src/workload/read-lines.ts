import { createReadStream } from "node:fs";

/** Longest line, in characters: a prompt of 10 million tokens has fewer. */
const longestLine = 16 * 2 ** 20;

/** A line and where it stands. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its end. */
  readonly text: string;
}

/**
 * Lines of a file in pieces of what was read at once; the file is never held whole.
 * @throws the file system's error; {@link LineTooLong}.
 */
export async function* readLines(path: string): AsyncGenerator<readonly Line[], void, void> {
  let rest = ""; // grown by appending alone, which copies nothing until it is read
  let number = 0;
  const stream = createReadStream(path, { encoding: "utf8" }) as AsyncIterable<string>;
  for await (const chunk of stream) {
    const texts = chunk.split("\n");
    texts[0] = rest + texts[0];
    rest = texts.pop() ?? "";
    if (rest.length > longestLine) throw new LineTooLong(number + texts.length + 1);
    yield texts.map((text) => ({ number: ++number, text: text.endsWith("\r") ? text.slice(0, -1) : text }));
  }
  if (rest !== "") yield [{ number: number + 1, text: rest }];
}

/** A line that no trace has. */
export class LineTooLong extends Error {
  /** From 1. */
  readonly line: number;

  constructor(line: number) {
    super(`is longer than ${longestLine / 2 ** 20} MiB`);
    this.line = line;
  }
}

/** What a file system says is wrong, without the path: `ENOENT: no such file or directory`. */
export function describeFileError(cause: unknown): string {
  return (cause as Error).message.split(", ")[0]!;
}
