import { absent, carried, expectEqual, firstFault, lastReply, repliesOf, toCount, typesOf } from "../observation.ts";
import { describe } from "../stream/compare.ts";
import { headerOf, joinBodies } from "../stream/reply.ts";
import type { Property } from "./property.ts";

/** Which replies come, in what order, and what of headers they carry. */
export const replyProperties: readonly Property[] = [
  {
    pattern: /^(?:each stream yields )?(?:exactly )?(\d+|one|two|three|four|five|six|seven|eight|nine) repl(?:y|ies)$/,
    check: ({ streams }, count) =>
      firstFault(streams, ({ replies }) => expectEqual("replies", joinBodies(replies).length, toCount(count))),
  },
  {
    pattern: /^(?:\w+ )?replies in (?:the )?order:? ([\w, ]+)$/,
    check: ({ streams }, order) => expectEqual("order", typesOf(streams[0]).join(", "), order),
  },
  {
    pattern: /^(?:answered by )?(?:an? )?immediate_response (?:with status )?(\d{3})$/,
    check: ({ streams }, status) => {
      const reply = lastReply(streams);
      if (reply?.type !== "immediate_response") return `the last reply is ${reply && describe(reply)}`;
      return expectEqual("status", reply.status, Number(status));
    },
  },
  {
    pattern:
      /^(?:immediate_response )?(?:with )?(?:an? )?(?:body|text)(?: that)?(?: (contain|is|equal|start)\w*(?: with)?)? ["'](.+)["']$/,
    check: ({ streams }, how, text) => {
      const body = lastReply(streams)?.body.toString() ?? "";
      const holds = how === "contain" ? body.includes(text) : how === "start" ? body.startsWith(text) : body === text;
      return holds ? undefined : `the body is "${body}"`;
    },
  },
  {
    pattern: /^no immediate_response$/,
    check: ({ streams }) =>
      streams.some(({ replies }) => replies.some(({ type }) => type === "immediate_response"))
        ? "an immediate_response came"
        : undefined,
  },
  {
    pattern:
      /^(?:an? |one )?(request_headers|request_trailers|response_headers|response_trailers|request_body|response_body) reply$/,
    check: ({ streams }, type) => (typesOf(streams.at(-1)).includes(type) ? undefined : `no ${type} reply came`),
  },
  {
    pattern: /^no (request_\w+|response_\w+) repl(?:y|ies)$/,
    check: ({ streams }, type) => (typesOf(streams.at(-1)).includes(type) ? `a ${type} reply came` : undefined),
  },
  {
    pattern: /^no reply$/,
    check: ({ streams }) => {
      const [last] = streams.at(-1)?.replies.slice(-1) ?? [];
      return last === undefined || !last.type.endsWith("_body") || last.type === "request_body"
        ? undefined
        : `${describe(last)} came`;
    },
  },
  {
    pattern: /^(\S+-\S+) absent$/,
    check: ({ streams }, name) =>
      firstFault(streams, ({ replies }) => firstFault(replies, (reply) => absent(reply, name))),
  },
  {
    pattern: /^(?:(request_headers|response_headers|immediate_response) reply )?sets ([\w-]+) to "?([^"]+)"?$/,
    check: ({ streams }, type, name, value) => {
      const replies = type ? repliesOf(streams.at(-1), type) : (streams.at(-1)?.replies ?? []);
      return expectEqual(
        name,
        replies.map((reply) => headerOf(reply, name)).find((set) => set !== undefined),
        value,
      );
    },
  },
  {
    pattern: /^(?:set_headers carr(?:y|ies) no|does not set|no) (\w+(?:-\w+)+)(?: in set_headers)?$/,
    check: ({ streams }, name) =>
      firstFault(streams.at(-1)?.replies ?? [], (reply) =>
        headerOf(reply, name) === undefined ? undefined : `${reply.type} sets ${name}`,
      ),
  },
  {
    pattern: /^clear_route_cache(?: true| is set)?$/,
    check: ({ streams }) =>
      streams.at(-1)?.replies.some(({ clearRouteCache }) => clearRouteCache) ? undefined : "it is not set",
  },
  {
    pattern: /^headers (?:are set )?in raw_value(?: only| alone)?$/,
    check: ({ streams }) =>
      firstFault(streams.at(-1)?.replies ?? [], ({ oddHeaders }) =>
        oddHeaders[0] === undefined ? undefined : `${oddHeaders[0]} is not`,
      ),
  },
  {
    pattern: /^stream (\d+) carries non-empty ([\w-]+)$/,
    check: ({ streams }, number, name) => (carried(streams, number, name) ? undefined : `${name} is missing or empty`),
  },
  {
    pattern: /^stream (\d+) carries no ([\w-]+)$/,
    check: ({ streams }, number, name) => (carried(streams, number, name) === undefined ? undefined : `${name} came`),
  },
];
