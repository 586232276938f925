import { destinationOf, expectEqual, type Fault, type ObservedStream } from "../observation.ts";
import type { Property } from "./property.ts";

/** What a request and the streams like it before show. */
type Run = Pick<ObservedStream, "sent" | "replies">;

/** Which requests of several sessions go to the same endpoint. */
export const sessionProperties: readonly Property[] = [
  {
    pattern: /^all (\d+) (\S+) requests go to one endpoint$/,
    check: ({ streams }, count, session) => {
      const runs = runsOf(streams.find((stream) => names(stream, session)));
      return expectEqual("requests", runs.length, Number(count)) ?? sameEndpoint(runs);
    },
  },
  {
    pattern: /^the request carrying both goes to the (\S+) endpoint$/,
    check: ({ streams }, session) => {
      const [first, ...others] = streams.filter((stream) => names(stream, session));
      const both = others.at(-1);
      return both === undefined ? "there is no such request" : sameEndpoint([...runsOf(first), both]);
    },
  },
  {
    pattern: /^(x-[\w-]+) is unique per request$/,
    check: ({ streams }, name) => {
      const values = streams.flatMap(runsOf).map((run) => valuesOf(run).find(([key]) => key === name)?.[1]);
      return expectEqual("values", new Set(values).size, values.length);
    },
  },
];

function runsOf(stream: ObservedStream | undefined): readonly Run[] {
  return stream === undefined ? [] : [...(stream.earlier ?? []), stream];
}

function valuesOf({ sent }: Run): readonly (readonly [name: string, value: string])[] {
  return (sent[0]?.headers ?? []).map(([name, value]) => [name, String(value)] as const);
}

function names(run: Run, session: string): boolean {
  return valuesOf(run).some(([, value]) => value === session);
}

function sameEndpoint(runs: readonly Run[]): Fault {
  const endpoints = [...new Set(runs.map((run) => destinationOf(run)))];
  return endpoints.length === 1 && endpoints[0] !== undefined ? undefined : `they go to ${endpoints.join(", ")}`;
}
