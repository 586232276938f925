import type { AnswerForm } from "./answer-text.ts";
import type { BodyFault, BodyTop } from "./body-top.ts";
import type { Prompt } from "./prompt.ts";
import type { ScannedBody } from "./scan-body.ts";
import type { UsageMember } from "./usage-reader.ts";

/** Reads the requests of the APIs of one family; chosen by path. Keeps no state. */
export interface RequestParser {
  /** Name of the parser, such as `openai-parser`. */
  readonly type: string;
  /** Ends of the paths that it reads, without their first slash; none = every path that no other claims. */
  readonly suffixes: readonly string[];
  /** Member of a response's JSON that holds token usage. */
  readonly usageMember: UsageMember;
  /** Whether a request of this path names its model in the body, which may then be rewritten. */
  namesModel(path: string): boolean;
  /** Whether the response of this path tells token usage, and names a model. */
  observesResponse(path: string): boolean;
  /** How answers of this path stand in the response; `undefined` where no next prompt begins with this one and them. */
  answerForm(path: string): AnswerForm | undefined;
  /** Reads the top level of a body, where nobody needs its prompt; never throws. */
  scan(body: readonly Uint8Array[], path: string): ScannedBody | BodyFault;
  /** Reads a body with its prompt; never throws. What {@link scan} finds fault with it does too, in the same words. */
  parse(body: readonly Uint8Array[], path: string): ParsedBody | BodyFault;
}

/** A body whose prompt was read. */
export interface ParsedBody {
  readonly kind: "ok";
  /** The same as a scan tells. */
  readonly top: BodyTop;
  readonly prompt: Prompt;
}

/** The parsers of a configuration. */
export interface RequestParsers {
  /**
   * The parser with the longest suffix that a path ends with, by whole segments and without its query; an empty path
   * counts as `/v1/completions`. `undefined` where none claims it: the request is to be refused.
   */
  find(path: string): RequestParser | undefined;
}
