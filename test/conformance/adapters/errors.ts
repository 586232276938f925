import { type Refusal, type RefusalCode, refuse } from "@outrider/host";
import { probeDoor } from "../host/probe.ts";
import { byShape } from "../shapes.ts";
import type { Reply } from "../stream/reply.ts";
import { fail, NotApplicable, notApplicable, pass, type Verdict } from "../verdict.ts";

/** Header that tells why a request was dropped. */
const droppedReasonHeader = "x-llm-d-request-dropped-reason";

/** Refusals as a client reads them. */
export const errors = byShape([
  {
    given: ["code", "msg"],
    want: ["text"],
    run: (given, want) => compareText(given.string("code"), given.string("msg"), want.string("text")),
  },
  {
    given: ["typed_error_code"],
    want: ["code"],
    run: (given, want) =>
      compareText(given.string("typed_error_code"), "refused", `inference error: ${want.string("code")} - refused`),
  },
  {
    given: ["code", "msg", "headers?"],
    want: ["immediate_response"],
    async run(given, want) {
      const expected = want.object("immediate_response");
      const reply = await refusedWith(toRefusal(given.string("code"), given.string("msg"), given.strings("headers")));
      if (reply.status !== expected.number("status")) return fail(`status ${reply.status}`);
      const part = expected.string("body_contains");
      if (!reply.body.includes(part)) return fail(`body "${reply.body}"`);
      const headers = Object.fromEntries(reply.setHeaders);
      const same = JSON.stringify(headers) === JSON.stringify(expected.strings("set_headers"));
      return same ? pass() : fail(`sets ${JSON.stringify(headers)}`);
    },
  },
  {
    given: ["error"],
    want: ["code"],
    run: () => notApplicable("upstream internals", "a scheduler refuses with a code and never with a bare error"),
  },
  {
    given: ["error"],
    want: ["immediate_response", "grpc_error"],
    run: () => notApplicable("upstream internals", "a scheduler refuses with a code and never with a bare error"),
  },
]);

/** What a client reads of a refusal; a text has the same form with a code that nothing is refused with here. */
async function compareText(code: string, message: string, text: string): Promise<Verdict> {
  const refusal = withCode(code, message);
  const { body } = await refusedWith(refusal);
  if (body.toString() !== text) return fail(`the body is "${body}"`);
  return pass(isOwn(refusal.code) ? "" : "by the form of the text: nothing is refused with this code here");
}

/** A refusal whose text is looked at alone: its code need not be one of ours. */
function withCode(code: string, message: string): Refusal {
  const own = refuse(code as RefusalCode, message);
  return isOwn(own.code) ? own : { ...refuse("Internal", message), code: own.code };
}

/** Whether anything is refused with a code here. */
function isOwn(code: RefusalCode): boolean {
  return typeof refuse(code, "").status === "number";
}

/** @param headers those of the error; the reason of the drop is the only one there is here. */
function toRefusal(code: string, message: string, headers: Readonly<Record<string, string>> = {}): Refusal {
  const { [droppedReasonHeader]: reason = "", ...others } = headers;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new NotApplicable("upstream internals", `nothing is refused with header ${other} here`);
  const refusal = refuse(code as RefusalCode, message, reason);
  if (isOwn(refusal.code)) return refusal;
  throw new NotApplicable("upstream internals", `nothing is refused with code ${JSON.stringify(code)} here`);
}

async function refusedWith(refusal: Refusal): Promise<Reply> {
  const get = { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true };
  const { replies } = await probeDoor([get], { decide: () => refusal });
  const [reply] = replies;
  if (reply?.type !== "immediate_response") throw new Error(`answered by ${reply?.type}`);
  return reply;
}
