import { type Document, isAlias, isCollection, isPair, isScalar, type Scalar, visit } from "yaml";

/** Stands where a value of `env:` stood. */
const blank = "***";

/** The text with all values under `env:` left out, those it has by alias too: they are where secrets are. */
export function redactEnv(text: string, yaml: Document): string {
  const secrets = new Set<Scalar>();
  const seen = new Set<unknown>();
  const collect = (node: unknown): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (isAlias(node)) collect(node.resolve(yaml));
    else if (isPair(node)) collect(node.value);
    else if (isCollection(node)) for (const item of node.items) collect(item);
    else if (isScalar(node)) secrets.add(node);
  };
  visit(yaml, {
    Pair(_, { key, value }) {
      if (isScalar(key) && key.value === "env") collect(value);
    },
  });
  return blankOut(text, [...secrets]);
}

function blankOut(text: string, secrets: readonly Scalar[]): string {
  const ranges = secrets.flatMap(({ range }) => (range ? [range] : [])).sort((a, b) => a[0] - b[0]);
  let redacted = "";
  let copied = 0;
  for (const [start, end] of ranges) {
    const lineEnd = text.slice(start, end).endsWith("\n") ? "\n" : "";
    redacted += text.slice(copied, start) + blank + lineEnd;
    copied = end;
  }
  return redacted + text.slice(copied);
}
