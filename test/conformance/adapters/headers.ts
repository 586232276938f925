import { isDeepStrictEqual } from "node:util";
import { Fields } from "../fields.ts";
import { decideFacts } from "../host/facts.ts";
import { probeDoor, routed } from "../host/probe.ts";
import { targetModel } from "../host/send-request.ts";
import { byShape } from "../shapes.ts";
import type { HeaderPair } from "../stream/reply.ts";
import { fail, fromFault, NotApplicable, type Verdict } from "../verdict.ts";

/** The door's own header, which is there whatever else is set. */
const destinationHeader = "x-gateway-destination-endpoint";

/** Reading of headers, and the mutation that sets some. */
export const headers = byShape([
  {
    given: ["header", "key"],
    want: ["value"],
    run: (given, want) => compareValue(given.object("header"), given.string("key"), want),
  },
  {
    given: ["raw_value", "value"],
    want: ["value"],
    run: (given, want) => compareValue(new Fields({ ...given.values, key: "x-case" }, "given"), "x-case", want),
  },
  {
    given: ["headers", "key"],
    want: ["value"],
    async run(given, want) {
      const value = await readAliased(given.strings("headers"), given.string("key").toLowerCase());
      return compare(value, want);
    },
  },
  {
    given: ["headers"],
    want: ["set_headers", "encoded_in?", "append_action?"],
    async run(given, want) {
      const set = Object.entries(given.strings("headers"));
      const { replies } = await probeDoor([get()], { decide: (observer) => routed(observer, { setHeaders: set }) });
      const reply = replies[0];
      if (reply?.type !== "request_headers") return fail("no request_headers reply came");
      const found = reply.setHeaders.filter(([name]) => name !== destinationHeader);
      const wanted = Object.entries(want.strings("set_headers"));
      const inOrder = (pairs: readonly HeaderPair[]) => pairs.map((pair) => pair.join(": ")).sort();
      const same = isDeepStrictEqual(inOrder(found), inOrder(wanted));
      if (!same) return fail(`sets ${JSON.stringify(found)}`);
      return fromFault(reply.oddHeaders[0] && `${reply.oddHeaders[0]} is not in raw_value alone, or appends`);
    },
  },
]);

function get(): Readonly<Record<string, unknown>> {
  return { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true };
}

/** Sends one header in the field the case names, and reads it by its key. */
async function compareValue(header: Fields, key: string, want: Fields): Promise<Verdict> {
  const { request } = await probeDoor([{ ...get(), header_values: [header.values] }]);
  return compare(request?.header(key.toLowerCase()) ?? "", want);
}

function compare(value: string, want: Fields): Verdict {
  return fromFault(value === want.string("value") ? undefined : `the value is ${JSON.stringify(value)}`);
}

/** Facts of the request that headers with an older name carry, by the newer one. */
const aliased: Readonly<Record<string, "objective" | "fairnessId" | "sloTtftMs" | "sloTpotMs">> = {
  "x-llm-d-inference-objective": "objective",
  "x-llm-d-inference-fairness-id": "fairnessId",
  "x-llm-d-slo-ttft-ms": "sloTtftMs",
  "x-llm-d-slo-tpot-ms": "sloTpotMs",
};

async function readAliased(sent: Readonly<Record<string, string>>, key: string): Promise<string> {
  const fact = aliased[key];
  if (fact !== undefined) return String((await decideFacts(sent))[fact] || "");
  if (key === "x-llm-d-model-name-rewrite") return targetModel(sent);
  if (key.startsWith("x-llm-d-")) throw new NotApplicable("upstream internals", `${key} is read nowhere yet`);
  const { request } = await probeDoor([{ ...get(), headers: sent }]);
  return request?.header(key) ?? "";
}
