import { describe, expect, it } from "vitest";
import type { ObservedStream } from "../observation.ts";
import { checkSentences } from "../properties.ts";
import type { GatewayMessage } from "../stream/message.ts";
import type { Reply } from "../stream/reply.ts";

/** One request of sessions, and where it went. */
interface Went {
  readonly headers: Readonly<Record<string, string>>;
  readonly to: string;
}

function toRun({ headers, to }: Went): Pick<ObservedStream, "sent" | "replies"> {
  const setHeaders = [["x-gateway-destination-endpoint", to]] as const;
  return {
    sent: [{ type: "request_headers", headers: Object.entries(headers) } as unknown as GatewayMessage],
    replies: [{ type: "request_headers", setHeaders, removeHeaders: [] } as unknown as Reply],
  };
}

/** A stream that is repeated, the last of them last. */
function repeated(...all: readonly Went[]): ObservedStream {
  const runs = all.map(toRun);
  return { ...runs.at(-1)!, earlier: runs.slice(0, -1), saved: {}, ends: [], isOverdue: false };
}

const check = (sentence: string, ...streams: readonly ObservedStream[]) =>
  checkSentences([sentence], { streams, endpoints: [] });
const a = (to: string): Went => ({ headers: { "x-session-id": "sess-A" }, to });
const b = (to: string): Went => ({ headers: { session_id: "agent-B" }, to });
const both = (to: string): Went => ({ headers: { "x-session-id": "sess-A", session_id: "agent-B" }, to });
const id = (value: string): Went => ({ headers: { "x-request-id": value }, to: "1" });

describe("a sentence about sessions", () => {
  const all = "all 3 sess-A requests go to one endpoint";
  const carrying = "the request carrying both goes to the sess-A endpoint";
  const unique = "x-request-id is unique per request";
  const cases = [
    { sentence: all, title: "holds for requests to one", streams: [repeated(a("1"), a("1"), a("1"))], holds: true },
    { sentence: all, title: "fails for one to another", streams: [repeated(a("1"), a("2"), a("1"))], holds: false },
    { sentence: all, title: "fails for another number of them", streams: [repeated(a("1"), a("1"))], holds: false },
    { sentence: all, title: "fails without such a session", streams: [repeated(b("1"), b("1"), b("1"))], holds: false },
    {
      sentence: carrying,
      title: "holds",
      streams: [repeated(a("1")), repeated(b("2")), repeated(both("1"))],
      holds: true,
    },
    {
      sentence: carrying,
      title: "fails",
      streams: [repeated(a("1")), repeated(b("2")), repeated(both("2"))],
      holds: false,
    },
    { sentence: carrying, title: "fails where there is no such request", streams: [repeated(a("1"))], holds: false },
    { sentence: unique, title: "holds", streams: [repeated(id("1"), id("2")), repeated(id("3"))], holds: true },
    { sentence: unique, title: "fails", streams: [repeated(id("1"), id("2")), repeated(id("1"))], holds: false },
  ];
  for (const { sentence, title, streams, holds } of cases) {
    it(`"${sentence}" ${title}`, () => expect(check(sentence, ...streams) === undefined).toBe(holds));
  }
});
