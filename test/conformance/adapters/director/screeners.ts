import type { Screener } from "@outrider/core";
import type { Fields } from "../../fields.ts";
import { poolOf, sendRequest } from "../../host/send-request.ts";
import type { Shape } from "../../shapes.ts";
import { fail, NotApplicable, pass, type Verdict } from "../../verdict.ts";

/** Screeners before the cycle. */
export const screenerShapes: readonly Shape[] = [{ given: ["scenario"], want: ["result"], run: compareScreened }];

/** Told as `endpoints a,b,c; screener 1 drops a; screener 2 keeps c`; wanted is `second sees all 3; result c`. */
async function compareScreened(given: Fields, want: Fields): Promise<Verdict> {
  const [first = "", ...rules] = given.string("scenario").split("; ");
  const names = /^endpoints (\w+(?:, ?\w+)*)$/.exec(first)?.[1]?.split(/, ?/);
  const screened = rules.map((rule) => /^screener \d+ (drops|keeps) (\w+(?:, ?\w+)*)$/.exec(rule));
  if (names === undefined || screened.includes(null)) throw new NotApplicable("in words", given.string("scenario"));
  const addressOf = (name: string) => `10.0.0.${names.indexOf(name) + 1}:8000`;
  const seen: number[] = [];
  const screeners = screened.map((match, i) => {
    const told = (match?.[2] ?? "").split(/, ?/).map(addressOf);
    return screenerOf(`screener-${i + 1}`, (address) => told.includes(address) === (match?.[1] === "keeps"), seen);
  });
  const pool = poolOf(names.map(addressOf));
  const { destination, refusedStatus } = await sendRequest(
    { body: { model: "m", prompt: "p" } },
    { pool, maxEndpoints: names.length, screeners },
  );
  const left = destination
    ?.split(",")
    .map((address) => names[pool.findIndex((endpoint) => endpoint.address === address)]);
  return compareResult(want.string("result"), left?.toSorted().join(",") ?? `status ${refusedStatus}`, seen);
}

function compareResult(wanted: string, left: string, seen: readonly number[]): Verdict {
  const match = /^(?:(first|second|third) sees all (\d+); )?result (\w+(?:, ?\w+)*)$/.exec(wanted);
  if (match === null) throw new NotApplicable("in words", wanted);
  const [, who, count, result = ""] = match;
  const sees = seen[["first", "second", "third"].indexOf(who ?? "")];
  if (who !== undefined && sees !== Number(count)) return fail(`${who} sees ${sees}`);
  if (result === "none") return left === "status 503" ? pass() : fail(`left are ${left}`);
  return left === result.split(/, ?/).toSorted().join(",") ? pass() : fail(`left are ${left}`);
}

/** Like one of the host's own, but that it goes by addresses and notes how many endpoints it is asked about. */
function screenerOf(name: string, isAllowed: (address: string) => boolean, seen: number[]): Screener {
  return {
    name,
    type: "screener-of-a-case",
    screen({ candidates, snapshot }) {
      seen.push(candidates.length);
      return candidates.filter((slot) => isAllowed(snapshot.at(slot)?.address ?? ""));
    },
  };
}
