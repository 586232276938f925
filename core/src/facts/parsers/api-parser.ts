import type { AnswerForm } from "../answer-text.ts";
import type { BodyShape } from "../body-shape.ts";
import type { RequestParser } from "../parser.ts";
import { type BodyMembers, noPrompt, type Prompt } from "../prompt.ts";
import { opaqueScan, scanBody } from "../scan-body.ts";
import { opaqueParse, parseBody } from "./parse-body.ts";
import { endsWithSegments, toPlainPath } from "./path-suffix.ts";

/** One API of a parser. */
export interface RequestApi {
  /** End of its paths, without the first slash. */
  readonly suffix: string;
  /** What its bodies have to have; `undefined` = they may be anything, and nothing is looked at. */
  readonly shape: BodyShape | undefined;
  /** Whether its requests name a model in the body. */
  readonly namesModel: boolean;
  /** Whether its responses tell token usage, and name a model. */
  readonly observesResponse: boolean;
  /** How its answers stand in responses; absent = no next prompt begins with this one and them. */
  readonly answerForm?: AnswerForm;
  /** Reads the prompt out of a parsed body. */
  readPrompt(body: BodyMembers): Prompt;
}

/** An API whose bodies nobody looks into, and whose responses nobody does either. */
export function opaqueApi(suffix: string): RequestApi {
  return { suffix, shape: undefined, namesModel: false, observesResponse: false, readPrompt: () => noPrompt };
}

/** A parser of some APIs. */
export function createApiParser(options: {
  readonly type: string;
  /** Those that it claims. */
  readonly apis: readonly RequestApi[];
  /** The one that counts for a path that none of them claims. */
  readonly otherwise: RequestApi;
  readonly usageMember?: RequestParser["usageMember"];
}): RequestParser {
  const { type, apis, otherwise, usageMember = "usage" } = options;
  const longestFirst = apis.toSorted((a, b) => b.suffix.length - a.suffix.length);
  const apiOf = (path: string): RequestApi => {
    const plain = toPlainPath(path);
    return longestFirst.find(({ suffix }) => endsWithSegments(plain, suffix)) ?? otherwise;
  };
  return {
    type,
    suffixes: apis.map(({ suffix }) => suffix),
    usageMember,
    namesModel: (path) => apiOf(path).namesModel,
    observesResponse: (path) => apiOf(path).observesResponse,
    answerForm: (path) => apiOf(path).answerForm,
    scan(body, path) {
      const { shape } = apiOf(path);
      return shape === undefined ? opaqueScan : scanBody(body, shape);
    },
    parse(body, path) {
      const { shape, readPrompt } = apiOf(path);
      return shape === undefined ? opaqueParse : parseBody(body, shape, readPrompt);
    },
  };
}
