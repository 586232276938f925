import type { RequestParser } from "../parser.ts";
import { opaqueScan } from "../scan-body.ts";
import { opaqueParse } from "./parse-body.ts";

/** Takes every request as it is, JSON or not: no model, no tokens, nothing rewritten. */
export function createPassthroughParser(): RequestParser {
  return {
    type: "passthrough-parser",
    suffixes: [],
    usageMember: "usage",
    namesModel: () => false,
    observesResponse: () => false,
    answerForm: () => undefined,
    scan: () => opaqueScan,
    parse: () => opaqueParse,
  };
}
