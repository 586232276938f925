import { type Document, isAlias, isCollection, isPair, isScalar, type Scalar, visit } from "yaml";

/** Stands where a value of `env:` stood. */
const blank = "***";

/** The text with all values under `env:` left out, those it has by alias too: they are where secrets are. */
export function redactEnv(text: string, yaml: Document): string {
  const secrets = new Set<Scalar>();
  const seen = new Set<unknown>();
  const anchored = findAnchors(yaml);
  const collect = (node: unknown): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (isAlias(node)) collectAnchored(node.source);
    else if (isPair(node)) collect(node.value);
    else if (isCollection(node)) for (const item of node.items) collect(item);
    else if (isScalar(node)) secrets.add(node);
  };
  const collectAnchored = (anchor: string) => {
    const targets = anchored.get(anchor) ?? [];
    anchored.delete(anchor);
    for (const target of targets) collect(target);
  };
  visit(yaml, {
    Pair(_, { key, value }) {
      if (isScalar(key) && key.value === "env") collect(value);
    },
  });
  return blankOut(text, [...secrets]);
}

/** Nodes by anchor: looked up once, since a search for each alias would go through the whole text. */
function findAnchors(yaml: Document): Map<string, unknown[]> {
  const anchored = new Map<string, unknown[]>();
  visit(yaml, {
    Node(_, node) {
      if (isAlias(node) || node.anchor === undefined) return;
      const others = anchored.get(node.anchor);
      if (others === undefined) anchored.set(node.anchor, [node]);
      else others.push(node);
    },
  });
  return anchored;
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
