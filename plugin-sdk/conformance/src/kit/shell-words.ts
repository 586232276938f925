import { CannotVerify } from "../rule.ts";

/**
 * Words of a command line, as a shell takes it apart: at spaces, `'…'` as it stands, `"…"` and elsewhere `\` taking the
 * next character as it is. Nothing is expanded, no shell is run.
 * @throws {CannotVerify} for a quote that is not closed.
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i += 1) {
    const char = line[i]!;
    if (quote !== "" && char === quote) quote = "";
    else if (char === "\\" && quote !== "'" && isEscapable(line[i + 1], quote)) word = (word ?? "") + line[++i]!;
    else if (quote === "" && (char === "'" || char === '"')) {
      quote = char;
      word ??= "";
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") throw new CannotVerify(`a ${quote} is not closed in: ${line}`);
  return word === undefined ? words : [...words, word];
}

/** Between double quotes a backslash stands for itself unless one of these follows. */
function isEscapable(next: string | undefined, quote: string): boolean {
  return next !== undefined && (quote === "" || '"\\$`'.includes(next));
}
