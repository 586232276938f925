/** Where the key of a session stands in a request. */
export interface SessionSource {
  /** A request header, or a cookie. */
  readonly kind: "header" | "cookie";
  /** Name of it; of a header in lower case. */
  readonly name: string;
}

/** What the host knows of a request under a name of the reference EPP. */
export interface SessionAttribute {
  readonly kind: "attribute";
  /** `agent-identity` or `SessionID`. */
  readonly name: string;
  /** Name of the policy that tells it; empty = any that does. */
  readonly producer: string;
}

/**
 * How a session gets back to the endpoint that a profile picked for it before. The host does it, for filters and for
 * scorers that read `request.pinned_slot`.
 */
export type SessionPinning = {
  /** Profile whose pick is pinned; empty = the one whose pick is the request's destination. */
  readonly profile: string;
} & (
  | {
      /** The client brings a token that names the endpoint, as the response before told it. */
      readonly kind: "token";
      /** Header of request and response, in lower case. */
      readonly header: string;
    }
  | ({
      /** The client brings an id, and the host remembers the endpoint. */
      readonly kind: "id";
      /** The first that is there wins. */
      readonly sources: readonly (SessionSource | SessionAttribute)[];
    } & SessionMemory)
);

/** How long and how many sessions are remembered. */
export interface SessionMemory {
  /** A session is forgotten so long after its last request, in ms. */
  readonly ttlMs: number;
  /** Shortest time between two looks for forgotten sessions, in ms. */
  readonly sweepMs: number;
  /** Sessions remembered at most; the one that was used least recently makes room. */
  readonly maxSessions: number;
  /** Requests queued at its endpoint above which a session may go elsewhere and stay there; `Infinity` = never. */
  readonly maxWaitingRequests: number;
}

/** `parameters:` of the types that pin sessions, completed. */
export interface SessionParameters {
  readonly strategy: "encoded_endpoint_header" | "session_id";
  readonly encodedEndpointHeaderConfig?: { readonly header: string } | undefined;
  readonly sessionIdConfig?:
    | {
        readonly sources: readonly {
          readonly header?: string | undefined;
          readonly attribute?: string | undefined;
          readonly producer?: string | undefined;
        }[];
        readonly evictionTtlSeconds: number;
        readonly evictionSweepSeconds: number;
        readonly maxSessions: number;
        readonly maxWaitingRequests?: number | undefined;
      }
    | undefined;
  readonly profileName: string;
}

/** What parameters ask the host to do. */
export function toSessionPinning(parameters: SessionParameters): SessionPinning {
  const { strategy, encodedEndpointHeaderConfig, sessionIdConfig, profileName: profile } = parameters;
  if (strategy === "encoded_endpoint_header") {
    const { header = "x-session-token" } = encodedEndpointHeaderConfig ?? {};
    return { kind: "token", profile, header: header.toLowerCase() };
  }
  return {
    kind: "id",
    profile,
    sources: (sessionIdConfig?.sources ?? [{ header: "x-session-id" }]).map(
      ({ header, attribute = "", producer = "" }) =>
        header === undefined
          ? { kind: "attribute", name: attribute, producer }
          : { kind: "header", name: header.toLowerCase() },
    ),
    ttlMs: (sessionIdConfig?.evictionTtlSeconds ?? 300) * 1000,
    sweepMs: (sessionIdConfig?.evictionSweepSeconds ?? 10) * 1000,
    maxSessions: sessionIdConfig?.maxSessions ?? 100_000,
    maxWaitingRequests: sessionIdConfig?.maxWaitingRequests ?? Number.POSITIVE_INFINITY,
  };
}
