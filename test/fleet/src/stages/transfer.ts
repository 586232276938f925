/** A request body as JSON members. */
export type Members = Readonly<Record<string, unknown>>;

/** What of a request is done here, by what its body says of KV blocks and encoded parts. */
export type Transfer =
  /** All of it, or what its headers leave. */
  | { readonly kind: "none" }
  /** Another server asks for the prompt to be computed and its KV blocks to be kept for it. */
  | { readonly kind: "prefill" }
  /** Another server asks for parts to be encoded. */
  | { readonly kind: "encode" }
  /** Another server has computed so many KV blocks of the prompt. */
  | { readonly kind: "prefilled"; readonly blocks: number };

/** Reads `kv_transfer_params` and `ec_transfer_params`. */
export function readTransfer({ kv_transfer_params: kv, ec_transfer_params: ec }: Members): Transfer {
  if (isMembers(ec) && ec.do_remote_encode === true) return { kind: "encode" };
  if (!isMembers(kv)) return { kind: "none" };
  if (kv.do_remote_decode === true) return { kind: "prefill" };
  if (kv.do_remote_prefill !== true) return { kind: "none" };
  return { kind: "prefilled", blocks: Array.isArray(kv.remote_block_ids) ? kv.remote_block_ids.length : 0 };
}

/** The body by which another server is asked for the prompt of a request alone. */
export function toPrefillBody(body: Members): Members {
  const { stream_options: _, ...rest } = body;
  const kv = {
    do_remote_decode: true,
    do_remote_prefill: false,
    remote_engine_id: null,
    remote_block_ids: null,
    remote_host: null,
    remote_port: null,
  };
  return { ...rest, ...oneToken(body), stream: false, kv_transfer_params: kv };
}

/** The bodies by which others are asked to encode the parts of a request, one an encoder that gets some. */
export function toEncodeBodies(body: Members, encoders: number): readonly Members[] {
  const parts = mediaPartsOf(body);
  return Array.from({ length: Math.min(encoders, parts.length) }, (_, encoder) => ({
    ...(body.model === undefined ? {} : { model: body.model }),
    messages: [{ role: "user", content: parts.filter((_part, i) => i % encoders === encoder) }],
    ...oneToken(body),
    stream: false,
    ec_transfer_params: { do_remote_encode: true },
  }));
}

/** Parts of a conversation that are no text. */
export function mediaPartsOf({ messages }: Members): readonly unknown[] {
  if (!Array.isArray(messages)) return [];
  const parts = messages.flatMap((message) =>
    isMembers(message) && Array.isArray(message.content) ? message.content : [],
  );
  return parts.filter((part) => isMembers(part) && part.type !== "text");
}

/** What an answer holds besides: where the blocks of the prompt are, for whoever asked to have it computed. */
export function toTransferAnswer({ kind }: Transfer, endpoint: string, blocks: number): Members {
  if (kind === "encode") return { ec_transfer_params: { engine_id: endpoint } };
  return kind === "prefill" ? { kv_transfer_params: toPlace(endpoint, blocks) } : {};
}

function toPlace(endpoint: string, blocks: number): Members {
  const [host, port] = endpoint.split(":");
  return {
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_engine_id: endpoint,
    remote_block_ids: Array.from({ length: blocks }, (_, i) => i),
    remote_host: host,
    remote_port: Number(port),
  };
}

/** Tells an object of JSON from anything else. */
export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneToken(body: Members): Members {
  return body.max_completion_tokens === undefined ? { max_tokens: 1 } : { max_tokens: 1, max_completion_tokens: 1 };
}
