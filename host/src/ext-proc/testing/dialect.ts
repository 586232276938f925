import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

/** Body modes as a gateway announces them: one for both bodies. */
const modeName = z.enum(["FULL_DUPLEX_STREAMED", "BUFFERED", "STREAMED", "NONE"]);

const headers = z.record(z.string(), z.string());
/** Text as it is, or a number of bytes whose content does not matter. */
const body = z.union([z.string(), z.strictObject({ bytes: z.int().min(1) })]);
const struct = z.record(z.string(), z.record(z.string(), z.unknown()));

/** A message of the gateway, its part named by `gateway`. */
const gatewayMessage = z.strictObject({
  gateway: z.enum([
    ...(["request_headers", "request_body", "request_trailers"] as const),
    ...(["response_headers", "response_body", "response_trailers"] as const),
  ]),
  headers: headers.default({}),
  body: body.default(""),
  /** `end_of_stream`. */
  end: z.boolean().default(false),
  /** `protocol_config`; absent = the gateway sends none. */
  announces: modeName.optional(),
  /** `metadata_context.filter_metadata`; absent = no `metadata_context`. */
  metadata: struct.optional(),
});

/** An answer it has to get next; a streamed body may come in several pieces. */
const wantedAnswer = z.strictObject({
  outrider: z.enum([
    ...(["request_headers", "request_body", "request_trailers"] as const),
    ...(["response_headers", "response_body", "response_trailers", "immediate_response"] as const),
  ]),
  /** Headers that are set, all of them. */
  set: headers.default({}),
  /** Headers that are removed, all of them. */
  remove: z.array(z.string()).default([]),
  /** Top-level `dynamic_metadata`, all of it. */
  metadata: struct.optional(),
  /** Absent for a body = acknowledged without a change. */
  body: body.optional(),
  end: z.boolean().default(false),
  status: z.int().optional(),
});

const stream = z.strictObject({
  title: z.string().min(1),
  /** What it is an example of. */
  kind: z.enum(["GET", "POST", "SSE", "abort", "refusal"]),
  /** What is decided: endpoints in order, or why there is none. */
  decides: z.union([
    z.strictObject({ destinations: z.array(z.string()).min(1) }),
    z.strictObject({ code: z.enum(["ServiceUnavailable", "ResourceExhausted"]), message: z.string() }),
  ]),
  script: z.array(z.union([gatewayMessage, wantedAnswer])).min(1),
  /** How the gateway lets go behind the last message. */
  lets_go: z.enum(["reset", "half_close"]).default("reset"),
  /** What the scheduler is to have seen. */
  seen: z.strictObject({
    /** The gateway's subset; absent = it sends none. */
    subset: z.array(z.string()).optional(),
    /** The endpoint that answered; absent = the gateway does not tell. */
    served: z.string().optional(),
    status: z.int().optional(),
    /** How the exchange ended; absent = it never began. */
    cause: z.enum(["ok", "client_cancelled"]).optional(),
  }),
});

const dialectSchema = z.strictObject({
  /** Name of its page in `docs/gateways`. */
  gateway: z.string().min(1),
  /** Whether it takes several endpoints, or only one. */
  destination: z.enum(["single", "list"]),
  streams: z.array(stream).min(1),
});

/** How a gateway speaks ext_proc, by example. */
export type Dialect = z.infer<typeof dialectSchema>;
/** One exchange of a dialect. */
export type DialectStream = Dialect["streams"][number];
/** A message that the gateway sends. */
export type GatewayMessage = z.infer<typeof gatewayMessage>;
/** An answer that it has to get. */
export type WantedAnswer = z.infer<typeof wantedAnswer>;

/** Reads the script of a gateway. */
export function readDialect(file: URL): Dialect {
  return dialectSchema.parse(parse(readFileSync(file, "utf8"), { merge: true }));
}

/** Bytes that a script's body stands for. */
export function bodyBytes(value: string | { readonly bytes: number }): Buffer {
  return typeof value === "string" ? Buffer.from(value) : Buffer.alloc(value.bytes, "x");
}
