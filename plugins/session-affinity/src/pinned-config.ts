import { z } from "zod";

const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header");

/** One place where a session's id may stand. */
const sessionSource = z
  .strictObject({
    /** Request header with the id. */
    header: headerName.optional(),
    /** What another plugin tells: `agent-identity`, or `SessionID` of a `session-id-producer`. */
    attribute: z.enum(["agent-identity", "SessionID"]).optional(),
    /** Name of the plugin that tells the attribute; empty = any that does. */
    producer: z.string().optional(),
  })
  .refine(({ header, attribute }) => (header === undefined) !== (attribute === undefined), {
    error: "must have either header or attribute",
  })
  .refine(({ attribute, producer }) => producer === undefined || attribute !== undefined, {
    path: ["producer"],
    error: "tells an attribute, and there is none",
  });

/** Settings of `encoded_endpoint_header`. */
const tokenConfig = z.strictObject({
  /** Header that brings the token, and that responses set. */
  header: headerName.default("x-session-token"),
});

/** Settings of `session_id`. */
const sessionIdConfig = z.strictObject({
  /** Where the id stands; the first that is there wins. */
  sources: z
    .array(sessionSource)
    .min(1)
    .max(32)
    .default([{ header: "x-session-id" }]),
  /** A session is forgotten so long after its last request, in s. */
  evictionTtlSeconds: z.number().positive().default(300),
  /** Shortest time between two looks for sessions to forget, in s. */
  evictionSweepSeconds: z.number().positive().default(10),
  /** Sessions remembered at most; the one that was used least recently makes room. */
  maxSessions: z.int().min(1).max(10_000_000).default(100_000),
  /** Requests queued at its endpoint above which a session may move to another; absent = it only moves when it must. */
  maxWaitingRequests: z.number().min(0).optional(),
});

/** `parameters:` of a `session-affinity-scorer`; the same as those of a `session-affinity-filter`. */
export const pinnedSessionConfig = z
  .strictObject({
    /** How a session gets back: by a token that the client brings, or by an id of which the host knows the endpoint. */
    strategy: z.enum(["encoded_endpoint_header", "session_id"]).default("encoded_endpoint_header"),
    /** For `encoded_endpoint_header`. */
    encodedEndpointHeaderConfig: tokenConfig.optional(),
    /** For `session_id`. */
    sessionIdConfig: sessionIdConfig.optional(),
    /** Profile whose pick is kept, such as `prefill`; empty = the one whose pick gets the request. */
    profileName: z.string().default(""),
  })
  .refine(({ strategy, sessionIdConfig }) => strategy === "session_id" || sessionIdConfig === undefined, {
    path: ["sessionIdConfig"],
    error: "is for strategy: session_id alone",
  })
  .refine(({ strategy, encodedEndpointHeaderConfig }) => strategy !== "session_id" || !encodedEndpointHeaderConfig, {
    path: ["encodedEndpointHeaderConfig"],
    error: "is for strategy: encoded_endpoint_header alone",
  });
