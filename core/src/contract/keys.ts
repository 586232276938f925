/** One canonical key: what a plugin names in its needs and finds in its columns or data. */
export interface KeySpec {
  /** Unit of every value. */
  readonly unit: string;
  /** Who writes it: `scraped` from the model server, `host` from what was sent, `producer` per candidate and request. */
  readonly source: "scraped" | "host" | "producer";
  /** One sentence for the documentation. */
  readonly about: string;
}

/** Columns of the endpoint table, one value per endpoint; an absent key or a `NaN` slot is unknown, never 0. */
export const columnKeys = {
  waiting_requests: { unit: "requests", source: "scraped", about: "Requests queued behind the running batch." },
  running_requests: { unit: "requests", source: "scraped", about: "Requests in the running batch." },
  kv_cache_usage: { unit: "fraction", source: "scraped", about: "Share of the KV-cache blocks in use." },
  kv_block_tokens: { unit: "tokens", source: "scraped", about: "Tokens in one KV-cache block." },
  kv_total_blocks: { unit: "blocks", source: "scraped", about: "KV-cache blocks of the model server." },
  max_adapters: { unit: "adapters", source: "scraped", about: "LoRA adapters that fit in one batch." },
  foreign_requests: {
    unit: "requests",
    source: "scraped",
    about: "Requests running or queued at the last scrape that this host had not sent.",
  },
  "rate.prompt_tokens": {
    unit: "tokens/s",
    source: "scraped",
    about:
      "Prompt tokens computed, over the last seconds; without those from a cache where the server tells them apart.",
  },
  "rate.output_tokens": { unit: "tokens/s", source: "scraped", about: "Output tokens, over the last seconds." },
  "rate.saturated_tokens": {
    unit: "tokens/s",
    source: "scraped",
    about: "Prompt and output tokens while requests queued, over the last such seconds: what the server can do.",
  },
  inflight_requests: { unit: "requests", source: "host", about: "Requests sent here and not yet done." },
  inflight_prompt_tokens: {
    unit: "tokens",
    source: "host",
    about: "Prompt tokens of requests whose first token is due.",
  },
  inflight_output_tokens: { unit: "tokens", source: "host", about: "Output tokens expected of requests not yet done." },
} as const satisfies Record<string, KeySpec>;

/** Key of a column that every host knows. */
export type ColumnKey = keyof typeof columnKeys;

/** Named values per candidate that producers write and filters, deciders and scorers read. */
export const dataKeys = {
  "data.prefix_match_blocks": { unit: "blocks", source: "producer", about: "Leading prefix blocks believed cached." },
  "data.prefix_total_blocks": { unit: "blocks", source: "producer", about: "Prefix blocks of the prompt." },
  "data.uncached_tokens": { unit: "tokens", source: "producer", about: "Prompt tokens that are left to compute." },
  "data.inflight_tokens": {
    unit: "tokens",
    source: "producer",
    about: "Tokens of requests sent here and not yet done.",
  },
  "data.predicted_ttft_ms": { unit: "ms", source: "producer", about: "Predicted TTFT, mean." },
  "data.predicted_ttft_ms_p90": { unit: "ms", source: "producer", about: "Predicted TTFT, 90th percentile." },
  "data.predicted_tpot_ms": { unit: "ms", source: "producer", about: "Predicted TPOT, mean." },
  "data.predicted_tpot_ms_p90": { unit: "ms", source: "producer", about: "Predicted TPOT, 90th percentile." },
} as const satisfies Record<string, KeySpec>;

/** Facts of the request and events that a plugin may ask for; `grant` tells whether asking is enough. */
export const needKeys = {
  "request.model": { grant: "always", about: "Model that is asked for: the client's, or what it is rewritten to." },
  "request.prompt_tokens": { grant: "always", about: "Tokens of the prompt, estimated where nobody tokenises." },
  "endpoint.labels": { grant: "asked", about: "Labels of the endpoints, by name." },
  "endpoint.sets": {
    grant: "asked",
    about: "Sets of the endpoints: models, adapters, adapter_bases, adapters_running, adapters_waiting.",
  },
  "request.session_key": { grant: "asked", about: "Key that requests of one session share." },
  "request.pinned_slot": { grant: "asked", about: "Candidate that the session is pinned to, by token or id." },
  "request.fairness_id": { grant: "asked", about: "Tenant the request is accounted to." },
  "request.priority": { grant: "asked", about: "Priority of the request's objective." },
  "request.objective": { grant: "asked", about: "Objective the request is served under." },
  "request.lora": { grant: "asked", about: "Adapter the request asks for." },
  "request.max_output_tokens": { grant: "asked", about: "Output cap the client set." },
  "request.stream": { grant: "asked", about: "Whether the answer is streamed." },
  "request.slo": { grant: "asked", about: "TTFT and TPOT targets of the request." },
  "events.picked": { grant: "asked", about: "Which endpoint each call's request was sent to." },
  "events.progress": { grant: "asked", about: "Chunks and tokens of an answer under way." },
  "events.done": { grant: "asked", about: "How each call's request ended." },
  "events.answer_blocks": {
    grant: "asked",
    about: "Hashes of the blocks that an answer adds to its prompt's; only beside `request.block_hashes`.",
  },
  "request.headers": { grant: "operator", about: "Request headers, by name." },
  "request.prompt_text": { grant: "operator", about: "Text of the prompt." },
  "request.token_ids": { grant: "operator", about: "Token ids of the prompt." },
  "request.block_hashes": { grant: "operator", about: "Chained hashes of the prompt's prefix blocks." },
  "request.id": { grant: "operator", about: "Id of the request." },
  "events.headers": { grant: "operator", about: "Response headers, by name." },
  veto: { grant: "operator", about: "The right to rule candidates out." },
} as const;

/** Facts that policies of the host alone read: no plugin can ask for them, and none is told. */
export const policyKeys = {
  "request.multimodal": { about: "Whether the prompt has parts that are no text, such as images." },
} as const;

/** Key of a fact or event a plugin or a policy may ask for. */
export type NeedKey =
  | keyof typeof needKeys
  | keyof typeof policyKeys
  | ColumnKey
  | keyof typeof dataKeys
  | `metric.${string}`
  | `rate.${string}`;
