import {
  absent,
  carried,
  destinationOf,
  expectEqual,
  type Fault,
  firstFault,
  lastReply,
  metadataDestination,
  type Observation,
  repeatedHeaders,
  repliesOf,
  saved,
  savedOrDestination,
  subsetOf,
  toCount,
  toDoneCause,
  touched,
  typesOf,
} from "./observation.ts";
import { describe } from "./stream/compare.ts";
import { headerOf, joinBodies } from "./stream/reply.ts";
import { NotApplicable } from "./verdict.ts";

interface Property {
  /** The whole sentence; groups are its values. */
  readonly pattern: RegExp;
  readonly check: (observation: Observation, ...values: string[]) => Fault;
}

const destinationHeader = "x-gateway-destination-endpoint";
const ordinals = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];

/** The sentences that are understood. A row's sentence that none of them matches is `not_applicable: in words`. */
const properties: readonly Property[] = [
  {
    pattern: /^(?:each stream yields )?(\d+) replies$/,
    check: ({ streams }, count) =>
      firstFault(streams, ({ replies }) => expectEqual("replies", joinBodies(replies).length, Number(count))),
  },
  {
    pattern: /^(\d+) replies in order ([\w, ]+)$/,
    check: ({ streams }, _count, order) => expectEqual("order", typesOf(streams[0]).join(", "), order),
  },
  {
    pattern: /^immediate_response (\d{3})(?: by the protocol text)?$/,
    check: ({ streams }, status) => {
      const reply = lastReply(streams);
      if (reply?.type !== "immediate_response") return `the last reply is ${reply && describe(reply)}`;
      return expectEqual("status", reply.status, Number(status));
    },
  },
  {
    pattern: /^(request_headers|request_trailers|response_headers|response_trailers) reply$/,
    check: ({ streams }, type) => (typesOf(streams.at(-1)).includes(type) ? undefined : `no ${type} reply came`),
  },
  {
    pattern: /^request_headers reply with destination (\S+)$/,
    check: ({ streams }, address) => expectEqual("destination", destinationOf(streams.at(-1)), address),
  },
  {
    pattern: /^(request_body|response_body) reply(?:\/ies)? with end_of_stream (true|false)$/,
    check: ({ streams }, type, end) => {
      const bodies = repliesOf(streams.at(-1), type);
      if (bodies.length === 0) return `no ${type} reply came`;
      return bodies.every(({ endOfStream }) => String(endOfStream) === end) ? undefined : `end_of_stream is not ${end}`;
    },
  },
  {
    pattern: /^(\w+) (request_body|response_body) replies of ([\d, ]+) bytes$/,
    check: ({ streams }, count, type, sizes) =>
      expectEqual("count", repliesOf(streams.at(-1), type).length, toCount(count)) ??
      expectEqual(
        "bytes",
        repliesOf(streams.at(-1), type)
          .map(({ body }) => body.length)
          .join(", "),
        sizes,
      ),
  },
  {
    pattern: /^(?:end_of_stream only on the )(\w+)$/,
    check: ({ streams }, ordinal) => {
      const at = streams.at(-1)?.replies.filter(({ type }) => type.endsWith("_body")) ?? [];
      const wanted = ordinal === "last" ? at.length : ordinals.indexOf(ordinal);
      const fits = at.every(({ endOfStream }, i) => endOfStream === (i + 1 === wanted));
      return fits && at.length >= wanted ? undefined : `end_of_stream is not only on the ${ordinal}`;
    },
  },
  {
    pattern: /^destination key present in reply (\d+) metadata$/,
    check: ({ streams }, index) =>
      metadataDestination(streams[0]?.replies[Number(index)]) === undefined
        ? "no destination in the metadata"
        : undefined,
  },
  {
    pattern: /^set_headers destination == dynamic_metadata envoy\.lb destination$/,
    check: ({ streams }) => {
      const reply = repliesOf(streams.at(-1), "request_headers")[0];
      const header = headerOf(reply, destinationHeader);
      if (header === undefined) return "no destination header";
      return expectEqual("metadata", metadataDestination(reply), header);
    },
  },
  {
    pattern: /^value (ip:port(?:,ip:port)*) without spaces, best first$/,
    check: ({ streams, endpoints }, form) => {
      const count = form.split(",").length;
      return expectEqual("destination", destinationOf(streams.at(-1)), endpoints.slice(0, count).join(","));
    },
  },
  {
    pattern: /^treated as a list$/,
    check: ({ streams }) => {
      const allowed = subsetOf(streams.at(-1)).split(",");
      const destination = destinationOf(streams.at(-1)) ?? "none";
      return allowed.includes(destination) ? undefined : `destination ${destination} is none of ${allowed}`;
    },
  },
  {
    pattern: /^(\S+-\S+) absent$/,
    check: ({ streams }, name) =>
      firstFault(streams, ({ replies }) => firstFault(replies, (reply) => absent(reply, name))),
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
    pattern: /^completion hooks run once with cause ([\w-]+)$/,
    check: ({ streams }, cause) => expectEqual("ends", streams.at(-1)?.ends.join(", "), toDoneCause(cause)),
  },
  {
    pattern: /^body reply uses body mutation, not streamed_response \(or the request is refused clearly\)$/,
    check: ({ streams }) => {
      const replies = streams.at(-1)?.replies ?? [];
      if (replies.some(({ type, status }) => type === "immediate_response" && status >= 400)) return undefined;
      const bodies = replies.filter(({ type }) => type === "request_body");
      if (bodies.length === 0) return "neither a body reply nor a refusal came";
      return bodies.some(({ change }) => change === "streamed_response") ? "a streamed_response came" : undefined;
    },
  },
  {
    pattern: /^both values reach the backend$/,
    check: ({ streams }) => firstFault(repeatedHeaders(streams.at(-1)), (name) => touched(streams.at(-1), name)),
  },
  {
    pattern: /^re-emitting headers through set_headers must not collapse them$/,
    check: ({ streams }) => firstFault(repeatedHeaders(streams.at(-1)), (name) => touched(streams.at(-1), name)),
  },
  {
    pattern: /^(\w+) of stream (\d+) non-empty$/,
    check: ({ streams }, name, number) => (saved(streams, name, number) === "" ? `${name} is empty` : undefined),
  },
  {
    pattern: /^(\w+) of stream (\d+) == (\w+) of stream (\d+)$/,
    check: ({ streams }, one, first, other, second) =>
      expectEqual(one, savedOrDestination(streams, one, first), savedOrDestination(streams, other, second)),
  },
  {
    pattern: /^stream (\d+) carries non-empty ([\w-]+)$/,
    check: ({ streams }, number, name) => (carried(streams, number, name) ? undefined : `${name} is missing or empty`),
  },
  {
    pattern: /^stream (\d+) carries no ([\w-]+)$/,
    check: ({ streams }, number, name) => (carried(streams, number, name) === undefined ? undefined : `${name} came`),
  },
  {
    pattern: /^reply (\d+) dynamic_metadata\['([^']+)'\]\['([^']+)'\] == (\S+) \(number\)$/,
    check: ({ streams }, index, namespace, key, value) => {
      const struct = streams[0]?.replies[Number(index)]?.dynamicMetadata?.[namespace];
      const found = typeof struct === "object" && struct !== null && !Array.isArray(struct) ? struct[key] : undefined;
      return expectEqual(key, found, Number(value));
    },
  },
];

/**
 * Checks sentences in order; `undefined` where all hold.
 * @throws {NotApplicable} where one is not understood, before any is checked.
 */
export function checkSentences(sentences: readonly string[], observation: Observation): Fault {
  const checks = sentences.flatMap((sentence) => toParts(sentence)).map((part) => ({ part, check: findCheck(part) }));
  for (const { part, check } of checks) {
    const fault = check(observation);
    if (fault !== undefined) return `"${part}" does not hold: ${fault}`;
  }
  return undefined;
}

/** Whether every part of a sentence is understood. */
export function isUnderstood(sentence: string): boolean {
  return toParts(sentence).every((part) => properties.some(({ pattern }) => pattern.test(part)));
}

/** Parts of a sentence, less what it tells of other implementations. */
function toParts(sentence: string): readonly string[] {
  const parts = sentence.split(/; |, (?=end_of_stream only)/).map((part) => part.trim());
  return parts.filter((part) => !/^(?:llm-d|lwepp|the reference|upstream)\b/.test(part));
}

function findCheck(part: string): (observation: Observation) => Fault {
  for (const { pattern, check } of properties) {
    const match = pattern.exec(part);
    if (match !== null) return (observation) => check(observation, ...match.slice(1));
  }
  throw new NotApplicable("in words", part);
}
