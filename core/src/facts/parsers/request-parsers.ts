import type { RequestParser, RequestParsers } from "../parser.ts";
import { createAnthropicParser } from "./anthropic-parser.ts";
import { createOpenaiParser } from "./openai-parser.ts";
import { createPassthroughParser } from "./passthrough-parser.ts";
import { endsWithSegments, toPlainPath } from "./path-suffix.ts";
import { createVllmhttpParser } from "./vllmhttp-parser.ts";

/**
 * Parsers chosen by path.
 * @param parsers in the order of the configuration. Of those of a type the first counts; of equal suffixes the first
 *   one's does; what stands behind the first that claims every path counts for nothing.
 */
export function createRequestParsers(parsers: readonly RequestParser[]): RequestParsers {
  const all = upToCatchAll(parsers);
  const catchAll = all.find(({ suffixes }) => suffixes.length === 0);
  const claims = all
    .flatMap((parser) => parser.suffixes.map((suffix) => ({ suffix: suffix.replaceAll(/^\/+|\/+$/g, ""), parser })))
    .sort((a, b) => b.suffix.length - a.suffix.length);
  return {
    find(path) {
      const plain = toPlainPath(path);
      return claims.find(({ suffix }) => endsWithSegments(plain, suffix))?.parser ?? catchAll;
    },
  };
}

/** What a client reads whose path no parser claims, as the reference EPP words it. */
export function noParserMessage(path: string): string {
  return `no parser registered matching path suffix for: ${path}`;
}

/** The parsers where a configuration names none. */
export const defaultParsers: RequestParsers = createRequestParsers([
  createOpenaiParser(),
  createAnthropicParser(),
  createVllmhttpParser(),
  createPassthroughParser(),
]);

function upToCatchAll(parsers: readonly RequestParser[]): readonly RequestParser[] {
  const all: RequestParser[] = [];
  for (const parser of parsers) {
    if (all.some(({ type }) => type === parser.type)) continue;
    all.push(parser);
    if (parser.suffixes.length === 0) break;
  }
  return all;
}
