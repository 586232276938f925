import type { Prompt } from "./prompt.ts";
import type { BodyFault, ScannedBody } from "./scan-body.ts";

/** Reads the requests of one API; chosen by path. */
export interface RequestParser {
  /** Name of the parser, such as `openai-parser`. */
  readonly type: string;
  /** Ends of the paths that it reads, without their first slash; none = every path that no other claims. */
  readonly suffixes: readonly string[];
  /** Whether a request of this path names its model in the body, which may then be rewritten. */
  namesModel(path: string): boolean;
  /** Whether the response of this path tells token usage, and names a model. */
  observesResponse(path: string): boolean;
  /** Reads the top level of a body, without parsing what nobody needs. */
  scan(body: readonly Uint8Array[], path: string): ScannedBody | BodyFault;
  /** Reads the prompt of a body. */
  prompt(body: readonly Uint8Array[], path: string, scan: ScannedBody): Prompt;
}

/** The parsers of a configuration. */
export interface RequestParsers {
  /** The parser whose suffix is the longest that a path ends with; an empty path counts as `/v1/completions`. */
  find(path: string): RequestParser | undefined;
}
