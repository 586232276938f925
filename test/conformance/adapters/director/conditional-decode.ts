import { type JsonAnswer, poolOf, sendEach } from "../../host/send-request.ts";
import type { Shape } from "../../shapes.ts";
import { fail, fromFault, NotApplicable } from "../../verdict.ts";
import { anyAddress } from "./routes.ts";

/** A prefix block's worth of prompt, in characters: 64 tokens of 4. */
const blockLength = 256;

/** Requests that want to be answered only where their prompt is cached. */
export const conditionalShapes: readonly Shape[] = [
  {
    given: ["scheduling_result"],
    want: ["cached"],
    async run(given, want) {
      const { refusedStatus } = await askFor("if-available", given.string("scheduling_result"));
      const isCached = refusedStatus === 0;
      return fromFault(isCached === want.boolean("cached") ? undefined : `answered with ${refusedStatus || "a route"}`);
    },
  },
  {
    given: ["prefer_header", "prefix_blocks"],
    want: ["error_code", "http_status"],
    async run(given, want) {
      const answer = await askFor(given.string("prefer_header"), given.string("prefix_blocks"));
      const code = want.has("error_code") ? want.string("error_code") : undefined;
      const status = want.has("http_status") ? want.number("http_status") : 0;
      const isAsWanted = answer.refusedCode === code && answer.refusedStatus === status;
      return isAsWanted ? fromFault(undefined) : fail(`answered with ${answer.refusedStatus || "a route"}`);
    },
  },
];

/** A request whose prompt has been asked for so far before; where nothing is known, by a host without prefixes. */
async function askFor(prefer: string, words: string): Promise<JsonAnswer> {
  const match = /^(\d+) of (\d+)(?: blocks)?$/.exec(words);
  const isUnknown = words === "none" || words === "endpoint without match info";
  if (match === null && !isUnknown) throw new NotApplicable("upstream internals", words);
  const [, cached = "0", total = "4"] = match ?? [];
  const prompt = promptOf(Number(total));
  const toRequest = (text: string) => ({ body: { model: "m", prompt: text } });
  const earlier = Number(cached) === 0 ? [] : [toRequest(prompt.slice(0, Number(cached) * blockLength))];
  const answers = await sendEach(
    { pool: poolOf([anyAddress]), scorers: isUnknown ? ["queue-scorer"] : ["queue-scorer", "prefix-cache-scorer"] },
    [...earlier, { ...toRequest(prompt), headers: { prefer } }],
  );
  const answer = answers.at(-1);
  if (answer === undefined) throw new Error("the request was not sent");
  return answer;
}

/** Blocks that differ from each other. */
function promptOf(blocks: number): string {
  return Array.from({ length: blocks }, (_, i) => `block ${i} `.padEnd(blockLength, "x")).join("");
}
