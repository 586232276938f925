import type { DoneCause } from "@outrider/core";
import type { IncomingRequest, Refusal, Routed, Scheduler } from "@outrider/host";
import { Fields } from "../fields.ts";
import { type Exchange, openExchange } from "../stream/exchange.ts";
import { toMessage } from "../stream/message.ts";
import { openDoor } from "./door.ts";

/** What one stream through the door showed on both of its sides. */
export interface Probed {
  /** What the door handed to the scheduler; `undefined` where it asked nothing. */
  readonly request: IncomingRequest | undefined;
  readonly replies: Exchange["replies"];
  /** What the scheduler was told of the response's body, in order. */
  readonly responseChunks: readonly Buffer[];
  /** Endpoint that answered, as the scheduler was told; `undefined` where it was not. */
  readonly served: string | undefined;
  /** Causes the exchange was ended with. */
  readonly ends: readonly DoneCause[];
}

/** What a probe does besides sending. */
export interface ProbeOptions {
  /** Decides every request; default: to 192.168.1.1:8000, with nothing set. */
  readonly decide?: (observer: Observer) => Routed | Refusal;
  /** How the gateway lets go behind the last message: after an exchange, or as when its client leaves. */
  readonly ending?: "reset" | "half-close";
  /** Whether the headers of conformance suites are obeyed; default not. */
  readonly conformance?: boolean;
}

/** Sends messages of a case's form through the real door, in front of a scheduler that only looks. */
export async function probeDoor(
  entries: readonly Readonly<Record<string, unknown>>[],
  { decide = (observer) => routed(observer), ending = "reset", conformance = false }: ProbeOptions = {},
): Promise<Probed> {
  const observer: Observer = { responseChunks: [], ends: [], served: undefined };
  let seen: IncomingRequest | undefined;
  const scheduler: Scheduler = {
    decide(request) {
      seen = snapshot(request);
      return decide(observer);
    },
  };
  const door = await openDoor(scheduler, { conformance });
  try {
    const exchange = openExchange(door.client);
    await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
    await (ending === "reset" ? exchange.close() : exchange.leave());
    await observer.ended?.promise;
    return { request: seen, replies: exchange.replies, ...observer };
  } finally {
    await door.close();
  }
}

/** What a routed exchange tells. */
export interface Observer {
  readonly responseChunks: Buffer[];
  readonly ends: DoneCause[];
  served: string | undefined;
  /** Settles when a routed exchange has ended. */
  ended?: PromiseWithResolvers<void>;
}

/** A decision for 192.168.1.1:8000, with nothing set, but for what is given. */
export function routed(
  observer: Observer,
  decided: Partial<
    Pick<Routed, "destinations" | "setHeaders" | "removeHeaders" | "setResponseHeaders" | "scores" | "reports">
  > = {},
): Routed {
  const ended = Promise.withResolvers<void>();
  observer.ended = ended;
  return {
    kind: "routed",
    decisionId: "probe",
    destinations: ["192.168.1.1:8000"],
    setHeaders: [],
    removeHeaders: [],
    setResponseHeaders: [],
    observation: "full",
    rewrite: undefined,
    scores: [],
    reports: () => [],
    ...decided,
    responseHeaders(_status, _header, served) {
      observer.served = served;
    },
    responseChunk: (chunk) => void observer.responseChunks.push(Buffer.from(chunk)),
    report() {},
    end(cause) {
      observer.ends.push(cause);
      ended.resolve();
    },
    letGo: () => ended.resolve(),
  };
}

/** A copy that outlives the stream's messages. */
function snapshot(request: IncomingRequest): IncomingRequest {
  const { door, path, subset, body, isBodyHidden } = request;
  return { door, path, subset, body, isBodyHidden, header: (name) => request.header(name) };
}
