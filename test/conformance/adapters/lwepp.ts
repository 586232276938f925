import type { Adapter } from "../adapter.ts";
import { Fields } from "../fields.ts";
import { type Choice, choose, chooseEach, compareCandidates, withoutPort } from "../host/candidates.ts";
import { oneProfile } from "../host/config-text.ts";
import { probeDoor } from "../host/probe.ts";
import { byShape } from "../shapes.ts";
import { compareReplies } from "../stream/compare.ts";
import { toMessage } from "../stream/message.ts";
import { toUnitPool } from "../stream/pool.ts";
import { runConformance } from "../stream/run-protocol.ts";
import { differs, fail, fromFault, NotApplicable, notApplicable, pass, type Verdict } from "../verdict.ts";

/** This stands in for an EPP that exists for conformance suites. */
const conformance = { conformance: true };

const units = byShape([
  {
    given: ["endpoints", "requests"],
    want: ["picks"],
    run: compareTurns,
  },
  {
    given: ["endpoints", "headers?", "filter_metadata?"],
    want: ["error"],
    async run(given, want) {
      const { refusedStatus } = await chooseAs(given);
      return (refusedStatus !== 0) === want.boolean("error") ? pass() : fail(`refused with ${refusedStatus}`);
    },
  },
  {
    given: ["endpoints", "headers?", "filter_metadata?"],
    want: ["candidates"],
    run: async (given, want) => compareCandidates((await chooseAs(given)).candidates, want.texts("candidates")),
  },
  {
    given: ["endpoints", "headers?", "filter_metadata?"],
    want: ["pick_ip?", "pick?"],
    async run(given, want) {
      const { pick = "" } = await chooseAs(given);
      const found = want.has("pick") ? pick : withoutPort(pick);
      return fromFault(
        found === want.string(want.has("pick") ? "pick" : "pick_ip") ? undefined : `picks ${pick || "none"}`,
      );
    },
  },
  {
    given: ["filter_metadata?", "headers?"],
    want: ["set_headers_in_order?", "set_headers?"],
    async run(given, want) {
      const headers = { ":status": "200", ...given.strings("headers") };
      const beside = given.has("filter_metadata") ? { filter_metadata: given.values.filter_metadata } : {};
      const { replies } = await probeDoor(
        [
          { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
          { type: "response_headers", headers, end_of_stream: true, ...beside },
        ],
        conformance,
      );
      const expected = new Fields({ type: "response_headers", ...want.values }, "want");
      const answer = replies.filter(({ type }) => type === "response_headers");
      const response = toMessage(new Fields({ type: "response_headers", headers }, "send"), false);
      return compareReplies([expected], answer, { sent: [response], notes: "", isOlder: false }) ?? pass();
    },
  },
  {
    given: ["args"],
    want: ["ports"],
    run: () => notApplicable("kubernetes", "ports of pods, --endpoint-target-ports"),
  },
  {
    given: ["conditions", "deletion_timestamp?"],
    want: ["ready"],
    run: () => notApplicable("kubernetes", "conditions of pods"),
  },
]);

/** Picks of requests one after another, compared as `NUMBER == NUMBER` and `NUMBER != NUMBER`. */
async function compareTurns(given: Fields, want: Fields): Promise<Verdict> {
  const pool = toUnitPool(given.texts("endpoints"), undefined);
  const requests = Array.from({ length: given.number("requests") }, () => ({}));
  const choices = await chooseEach(pool, requests, { configText: oneProfile([{ type: "round-robin" }]) });
  const pickOf = (number: string | undefined) => choices[Number(number) - 1]?.pick;
  for (const part of want.string("picks").split(", ")) {
    const [, one, sign, other] = /^(\d+) (==|!=) (\d+)$/.exec(part) ?? [];
    if (sign === undefined) throw new NotApplicable("in words", part);
    if ((pickOf(one) === pickOf(other)) !== (sign === "==")) return fail(`${part} does not hold: ${picksOf(choices)}`);
  }
  return fromFault(choices.some(({ pick }) => pick === undefined) ? `the picks are ${picksOf(choices)}` : undefined);
}

function picksOf(choices: readonly Choice[]): string {
  return choices.map(({ pick = "none" }) => pick).join(", ");
}

function chooseAs(given: Fields): Promise<Choice> {
  const filterMetadata = given.values.filter_metadata;
  const pool = toUnitPool(given.texts("endpoints"), filterMetadata);
  return choose(pool, { headers: given.strings("headers"), filterMetadata }, conformance);
}

/** The light-weight reference EPP: choosing candidates, and streams. */
export const lwepp: Adapter = async (testCase, context) => {
  if (testCase.level === "unit") return units(testCase, context);
  const verdict = await runConformance(testCase, context);
  const isWithoutModel = verdict.status === "fail" && verdict.reason.includes("model not found in request body");
  return isWithoutModel ? differs("bodies name a model", verdict.reason) : verdict;
};
