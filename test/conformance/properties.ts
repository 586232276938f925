import type { Fault, Observation } from "./observation.ts";
import { bodyProperties } from "./properties/bodies.ts";
import { destinationProperties } from "./properties/destinations.ts";
import { exchangeProperties } from "./properties/exchanges.ts";
import { replyProperties } from "./properties/replies.ts";
import { sessionProperties } from "./properties/sessions.ts";
import { NotApplicable } from "./verdict.ts";

/** The sentences that are understood. A row's sentence that none of them matches is `not_applicable: in words`. */
const properties = [
  ...exchangeProperties,
  ...bodyProperties,
  ...destinationProperties,
  ...replyProperties,
  ...sessionProperties,
];

/**
 * Checks sentences in order; `undefined` where all hold.
 * @throws {NotApplicable} where one is not understood, before any is checked.
 */
export function checkSentences(sentences: readonly string[], observation: Observation): Fault {
  const checks = sentences.flatMap((sentence) => toParts(sentence)).map((part) => ({ part, check: findCheck(part) }));
  for (const { part, check } of checks) {
    const fault = check(observation);
    if (fault !== undefined) return `"${part}" does not hold: ${fault}`;
  }
  return undefined;
}

/** Whether every part of a sentence is understood. */
export function isUnderstood(sentence: string): boolean {
  return toParts(sentence).every(isProperty);
}

/**
 * Parts of a sentence that each say something of their own, less what it tells of other implementations. Where a part
 * is not understood, what is joined in it by a comma, "and" or "with" is looked at by itself.
 */
function toParts(sentence: string): readonly string[] {
  const parts = sentence.split(/; /).map((part) => part.trim().replace(/\.$/, ""));
  const own = parts.filter((part) => !/^(?:llm-d|lwepp|the reference|upstream)\b/.test(part));
  return own.map(withoutBasis).flatMap((part) => (isProperty(part) ? [part] : toClauses(part)));
}

/** A sentence may say what it goes by. */
function withoutBasis(part: string): string {
  return part.replace(/ (?:by|per|according to) the protocol(?: text|'s text)?$/, "");
}

/** The fewest pieces of a part that are all understood; the part itself where there are none. */
function toClauses(part: string): readonly string[] {
  for (const match of part.matchAll(/(?:, and |, | and )(?:with )?| with /g)) {
    const first = part.slice(0, match.index);
    if (!isProperty(first)) continue;
    const rest = part.slice(match.index + match[0].length);
    const others = isProperty(rest) ? [rest] : toClauses(rest);
    if (others.every(isProperty)) return [first, ...others];
  }
  return [part];
}

function isProperty(part: string): boolean {
  return properties.some(({ pattern }) => pattern.test(part));
}

function findCheck(part: string): (observation: Observation) => Fault {
  for (const { pattern, check } of properties) {
    const match = pattern.exec(part);
    if (match !== null) return (observation) => check(observation, ...match.slice(1));
  }
  throw new NotApplicable("in words", part);
}
