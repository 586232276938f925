import type { Refusal, Routed } from "@outrider/host";
import { Fields } from "../fields.ts";
import { openExchange } from "../stream/exchange.ts";
import { type GatewayMessage, toMessage } from "../stream/message.ts";
import type { PoolEndpoint } from "../stream/pool.ts";
import { fail, pass, type Verdict } from "../verdict.ts";
import { type HostSetup, type HostUnderTest, openHost } from "./host-under-test.ts";

/** A request without a body, as a gateway sends it. */
export interface BareRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** `metadata_context.filter_metadata`; `undefined` = none. */
  readonly filterMetadata?: unknown;
}

/** How the host is set for it. */
export type ChoiceSetup = Omit<HostSetup, "pool">;

/** What the host chose from, and what it chose. */
export interface Choice {
  /** `ip:port` each; empty where the request was refused. */
  readonly candidates: readonly string[];
  /** What the filters of the primary profile left of them. */
  readonly kept: readonly string[];
  readonly pick: string | undefined;
  /** HTTP status of the refusal; 0 where there was none. */
  readonly refusedStatus: number;
}

/** Sends a request without a body through the whole host. */
export async function choose(
  pool: readonly PoolEndpoint[],
  request: BareRequest = {},
  setup: ChoiceSetup = {},
): Promise<Choice> {
  const [choice] = await chooseEach(pool, [request], setup);
  if (choice === undefined) throw new Error("the request was not decided");
  return choice;
}

/** Sends requests without bodies through one host, one after another. */
export async function chooseEach(
  pool: readonly PoolEndpoint[],
  requests: readonly BareRequest[],
  setup: ChoiceSetup = {},
): Promise<readonly Choice[]> {
  const host = await openHost({ pool, ...setup });
  try {
    for (const request of requests) {
      const exchange = openExchange(host.client);
      await exchange.send([toBareMessage(request)]);
      await exchange.close();
    }
    return host.decisions.map((decision) => toChoice(decision, host));
  } finally {
    await host.close();
  }
}

function toBareMessage({ headers = {}, filterMetadata }: BareRequest): GatewayMessage {
  const all = { ":method": "GET", ":path": "/v1/models", ...headers };
  const metadata = filterMetadata == null ? {} : { filter_metadata: filterMetadata };
  return toMessage(
    new Fields({ type: "request_headers", headers: all, end_of_stream: true, ...metadata }, "send"),
    true,
  );
}

function toChoice(decision: Routed | Refusal, { record }: HostUnderTest): Choice {
  if (decision.kind === "refused") return { candidates: [], kept: [], pick: undefined, refusedStatus: decision.status };
  const { snapshot, candidates = [], profiles = [], primary } = record(decision.decisionId) ?? {};
  const filters = profiles.find(({ name }) => name === primary)?.filters ?? [];
  const addressesOf = (slots: Iterable<number>) => [...slots].map((slot) => snapshot?.at(slot)?.address ?? "");
  return {
    candidates: addressesOf(candidates),
    kept: addressesOf(filters.at(-1)?.kept ?? candidates),
    pick: decision.destinations[0],
    refusedStatus: 0,
  };
}

/** Compares candidates with those wanted, `ip` or `ip:port` each, in any order. */
export function compareCandidates(found: readonly string[], wanted: readonly string[]): Verdict {
  const hasPorts = wanted.some((address) => /\]:\d+$|^[^:]+:\d+$/.test(address));
  const names = found.map((address) => (hasPorts ? address : withoutPort(address)));
  const same = JSON.stringify([...new Set(names)].sort()) === JSON.stringify([...new Set(wanted)].sort());
  return same ? pass() : fail(`the candidates are ${names.join(", ") || "none"}`);
}

/** Address of an endpoint without its port and brackets. */
export function withoutPort(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
