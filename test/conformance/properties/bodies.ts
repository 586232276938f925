import { expectEqual, type Fault, firstFault, repliesOf, sentBody, toCount } from "../observation.ts";
import type { Reply } from "../stream/reply.ts";
import type { Property } from "./property.ts";

const ordinals = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];

/** How bodies come back: in what pieces, by which kind of answer, and that nothing is lost. */
export const bodyProperties: readonly Property[] = [
  {
    pattern: /^(request_body|response_body) reply(?:\/ies)? with end_of_stream (true|false)$/,
    check: ({ streams }, type, end) => {
      const bodies = repliesOf(streams.at(-1), type);
      if (bodies.length === 0) return `no ${type} reply came`;
      return bodies.every(({ endOfStream }) => String(endOfStream) === end) ? undefined : `end_of_stream is not ${end}`;
    },
  },
  {
    pattern: /^(?:the )?last (request_body|response_body) reply with end_of_stream (true|false)$/,
    check: ({ streams }, type, end) =>
      expectEqual("end_of_stream", String(repliesOf(streams.at(-1), type).at(-1)?.endOfStream), end),
  },
  {
    pattern: /^(?:an?|one) empty (request_body|response_body) reply(?: with end_of_stream (true|false))?$/,
    check: ({ streams }, type, end) => {
      const bodies = repliesOf(streams.at(-1), type);
      return (
        expectEqual("bytes", bodies.map(({ body }) => body.length).join(", "), "0") ??
        (end === undefined ? undefined : expectEqual("end_of_stream", String(bodies[0]?.endOfStream), end))
      );
    },
  },
  {
    pattern: /^(\w+) (request_body|response_body) repl(?:y|ies) of ([\d, ]+(?:and \d+ )?)bytes$/,
    check: ({ streams }, count, type, sizes) => {
      const found = repliesOf(streams.at(-1), type).map(({ body }) => body.length);
      const wanted = sizes.match(/\d+/g)?.map(Number) ?? [];
      return expectEqual("count", found.length, toCount(count)) ?? expectEqual("bytes", `${found}`, `${wanted}`);
    },
  },
  {
    pattern:
      /^(?:no (?:piece|chunk|reply) (?:is )?(?:larger|longer|above|over)(?: than)?|(?:each|every) (?:piece|chunk|reply) (?:of )?at most) ([\d ]+) bytes$/,
    check: ({ streams }, limit) =>
      firstFault(bodiesOf(streams.at(-1)?.replies), ({ type, body }) =>
        body.length > Number(limit.replaceAll(" ", "")) ? `a ${type} reply has ${body.length} bytes` : undefined,
      ),
  },
  {
    pattern: /^(?:end_of_stream only on the )(\w+)(?: one)?$/,
    check: ({ streams }, ordinal) => {
      const at = bodiesOf(streams.at(-1)?.replies);
      const wanted = ordinal === "last" ? at.length : ordinals.indexOf(ordinal);
      const fits = at.every(({ endOfStream }, i) => endOfStream === (i + 1 === wanted));
      return fits && at.length >= wanted ? undefined : `end_of_stream is not only on the ${ordinal}`;
    },
  },
  {
    pattern: /^(?:nothing|no reply) (?:comes )?(?:after|behind) end_of_stream(?: true)?$/,
    check: ({ streams }) =>
      endFault(streams.at(-1)?.replies ?? [], "request") ?? endFault(streams.at(-1)?.replies ?? [], "response"),
  },
  {
    pattern: /^(?:the )?(request|response) body (?:is |comes back |is passed on )?(?:unchanged|as it came)$/,
    check: ({ streams }, side) => {
      const found = Buffer.concat(repliesOf(streams.at(-1), `${side}_body`).map(({ body }) => body));
      return found.equals(sentBody(streams.at(-1), side)) ? undefined : `${found.length} bytes came back, or others`;
    },
  },
  {
    pattern:
      /^body repl(?:y|ies) uses? body mutation, not streamed_response(?: \(or the request is refused clearly\))?$/,
    check: ({ streams }) => plainBodyFault(streams.at(-1)?.replies ?? []),
  },
  {
    pattern: /^(?:no streamed_response|(?:request is )?answered without streamed_response)$/,
    check: ({ streams }) => plainBodyFault(streams.at(-1)?.replies ?? []),
  },
  {
    pattern: /^body repl(?:y|ies) uses? streamed_response$/,
    check: ({ streams }) =>
      firstFault(bodiesOf(streams.at(-1)?.replies), ({ type, change }) =>
        change === "streamed_response" ? undefined : `${type} is answered by ${change}`,
      ),
  },
];

function bodiesOf(replies: readonly Reply[] = []): readonly Reply[] {
  return replies.filter(({ type }) => type.endsWith("_body"));
}

function endFault(replies: readonly Reply[], side: string): Fault {
  const own = replies.filter(({ type }) => type.startsWith(side));
  const end = own.findIndex(({ endOfStream }) => endOfStream);
  return end < 0 || end === own.length - 1 ? undefined : `${own[end + 1]?.type} comes behind the end`;
}

/** Outside FULL_DUPLEX_STREAMED a body is changed by a mutation or left alone; a clear refusal is as good. */
function plainBodyFault(replies: readonly Reply[]): Fault {
  if (replies.some(({ type, status }) => type === "immediate_response" && status >= 400)) return undefined;
  const bodies = bodiesOf(replies);
  if (bodies.length === 0) return "neither a body reply nor a refusal came";
  return bodies.some(({ change }) => change === "streamed_response") ? "a streamed_response came" : undefined;
}
