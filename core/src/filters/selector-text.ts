import { findRequirementFault, type LabelRequirement, type LabelSelector } from "./label-selector.ts";

/** A selector, or what is wrong with its text. */
export type ParsedSelector =
  | { readonly kind: "parsed"; readonly selector: LabelSelector }
  | { readonly kind: "wrong"; readonly fault: string };

const token = /\s*(!=|==|=|!|,|\(|\)|[^\s!=,()]+)\s*/y;

/** Reads a label selector as Kubernetes writes it in one line, such as `app=web,tier in (a, b),!canary`. */
export function parseSelectorText(text: string): ParsedSelector {
  const tokens = toTokens(text);
  if (tokens === undefined) return { kind: "wrong", fault: `${JSON.stringify(text)} is no label selector` };
  const selector: LabelRequirement[] = [];
  for (const [i, part] of splitParts(tokens).entries()) {
    const requirement = toRequirement(part);
    if (requirement === undefined) return { kind: "wrong", fault: `condition ${i + 1} is none: ${part.join(" ")}` };
    const fault = findRequirementFault(requirement);
    if (fault !== undefined) return { kind: "wrong", fault };
    selector.push(requirement);
  }
  return { kind: "parsed", selector };
}

function toTokens(text: string): readonly string[] | undefined {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    if (found === null) return undefined;
    tokens.push(found[1]);
  }
  return tokens;
}

/** The conditions between those commas that are in no parentheses; none where there is nothing. */
function splitParts(tokens: readonly string[]): readonly (readonly string[])[] {
  if (tokens.length === 0) return [];
  const parts: string[][] = [[]];
  let depth = 0;
  for (const each of tokens) {
    if (each === "(") depth += 1;
    if (each === ")") depth -= 1;
    if (each === "," && depth === 0) parts.push([]);
    else parts.at(-1)!.push(each);
  }
  return parts;
}

function toRequirement(part: readonly string[]): LabelRequirement | undefined {
  const [first, second, ...rest] = part;
  if (part.length === 1 && isWord(first)) return { key: first, operator: "Exists", values: [] };
  if (part.length === 2 && first === "!" && isWord(second))
    return { key: second, operator: "DoesNotExist", values: [] };
  if (!isWord(first)) return undefined;
  if (second === "=" || second === "==" || second === "!=") {
    const operator = second === "!=" ? "NotIn" : "In";
    const value = rest.length === 0 ? "" : rest[0];
    return rest.length <= 1 && (value === "" || isWord(value)) ? { key: first, operator, values: [value] } : undefined;
  }
  if (second !== "in" && second !== "notin") return undefined;
  const values = toValues(rest);
  return values && { key: first, operator: second === "in" ? "In" : "NotIn", values };
}

/** What is in parentheses, with commas between; `undefined` where it is not so. */
function toValues(part: readonly string[]): readonly string[] | undefined {
  if (part.length < 3 || part[0] !== "(" || part.at(-1) !== ")") return undefined;
  const inner = part.slice(1, -1);
  const isList = inner.every((each, i) => (i % 2 === 0 ? isWord(each) : each === ","));
  return isList && inner.length % 2 === 1 ? inner.filter((_, i) => i % 2 === 0) : undefined;
}

function isWord(text: string | undefined): text is string {
  return text !== undefined && !/^[!=,()]|^!=$/.test(text);
}
