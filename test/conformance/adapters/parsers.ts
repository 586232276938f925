import {
  createAnthropicParser,
  createOpenaiParser,
  createPassthroughParser,
  createRequestParsers,
  createSglanghttpParser,
  createVllmhttpParser,
  type RequestParser,
} from "@outrider/core";
import type { Fields } from "../fields.ts";
import { refusalOf, refusedTypes } from "../host/load.ts";
import { byShape } from "../shapes.ts";
import { fail, fromFault, NotApplicable, type Verdict } from "../verdict.ts";

/** Parsers by the names that rows have for them; any other name stands for some parser. */
const named: Readonly<Record<string, () => RequestParser>> = {
  openai: createOpenaiParser,
  anthropic: createAnthropicParser,
  vllm: createVllmhttpParser,
  sglang: createSglanghttpParser,
  passthrough: createPassthroughParser,
};

/** What comes behind a row's name in the type of a parser. */
const typeEndings = ["-parser", "ai-parser", "http-parser"];

/** Parsers chosen by the path of a request. */
export const parsers = byShape([
  {
    given: ["parsers", "path"],
    want: ["parser?", "error?"],
    run: (given, want) => compareFound(Object.entries(given.object("parsers").values), given.string("path"), want),
  },
  {
    given: ["parsers_in_order", "path"],
    want: ["parser?", "error?"],
    run: (given, want) => compareFound(given.list("parsers_in_order").map(toPair), given.string("path"), want),
  },
]);

/** A parser's name, and the ends of the paths that it claims; `null` = all that no other does. */
type Claim = readonly [name: string, suffixes: unknown];

function toPair(entry: unknown): Claim {
  if (Array.isArray(entry) && typeof entry[0] === "string") return [entry[0], entry[1]];
  throw new NotApplicable("unknown fields", `parser ${JSON.stringify(entry)}`);
}

async function compareFound(claims: readonly Claim[], path: string, want: Fields): Promise<Verdict> {
  const found = createRequestParsers(claims.map(toParser)).find(path)?.type;
  if (want.boolean("error", false)) return fromFault(found && `${found} is found`);
  const wanted = want.string("parser");
  if (found !== wanted) return fail(`finds ${found ?? "none"}`);
  return (await refuseParser(wanted)) ?? fromFault(undefined);
}

/** A parser that claims what the row says, under its name. */
function toParser([name, suffixes]: Claim): RequestParser {
  const claimed = suffixes ?? [];
  if (!Array.isArray(claimed) || !claimed.every((suffix) => typeof suffix === "string"))
    throw new NotApplicable("unknown fields", `suffixes ${JSON.stringify(suffixes)}`);
  const create = Object.hasOwn(named, name) ? named[name] : undefined;
  return { ...(create ?? createOpenaiParser)(), type: name, suffixes: claimed };
}

/** A parser that is found but cannot be configured shows nothing. */
async function refuseParser(name: string): Promise<Verdict | undefined> {
  const faults = await Promise.all(typeEndings.map((ending) => refusalOf(`${name}${ending}`)));
  const refused = faults.find((fault) => fault?.message.includes("of the reference EPP"));
  return refused === undefined || Object.hasOwn(named, name) ? undefined : refusedTypes([refused]).verdict;
}
