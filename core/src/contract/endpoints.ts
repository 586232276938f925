/** One endpoint as plugins see it; replaced whole when anything of it changes. */
export interface EndpointInfo {
  /** Number that stands for the endpoint in candidates, columns and feedback; reused only once nobody knows it. */
  readonly slot: number;
  /** Name of the endpoint in its source, such as `default/vllm-0`; stable while the endpoint lives. */
  readonly id: string;
  /** `ip:port`, an IPv6 address in brackets. */
  readonly address: string;
  /** Labels as its source gives them. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Names, sorted; a set that is absent is unknown. `adapters_running`, `adapters_waiting`: of the page of metrics.
   * `models`, `adapters`, `adapter_bases` (each `ADAPTER=MODEL`): of the list of models, where it is fetched; without
   * it, `models` is what the page of metrics names.
   */
  readonly sets: Readonly<Record<string, readonly string[]>>;
  /** Restarts the host has seen; when it grows the endpoint's caches are empty. */
  readonly incarnation: number;
}

/** What changed in the endpoint table between two snapshots, removals first. */
export interface EndpointChange {
  /** Slots whose endpoint has left. */
  readonly removedSlots: readonly number[];
  /** Endpoints that are new or whose info changed. */
  readonly upserted: readonly EndpointInfo[];
}

/**
 * Columns of the endpoint table, indexed by slot; all are as long as the slot space, and `NaN` is unknown.
 * The scraped ones never change under a scheduling cycle; the in-flight ones are a copy taken at its start.
 */
export interface EndpointColumns {
  /** Requests queued behind the running batch. Source: `vllm:num_requests_waiting`. */
  readonly waitingRequests: Float32Array;
  /** Requests in the running batch. Source: `vllm:num_requests_running`. */
  readonly runningRequests: Float32Array;
  /** KV-cache blocks in use, in [0, 1]. Source: `vllm:kv_cache_usage_perc`, a fraction despite its name. */
  readonly kvCacheUsage: Float32Array;
  /** Tokens in one KV-cache block. Source: label `block_size` of `vllm:cache_config_info`. */
  readonly kvBlockTokens: Float32Array;
  /** KV-cache blocks. Source: label `num_gpu_blocks` of `vllm:cache_config_info`. */
  readonly kvTotalBlocks: Float32Array;
  /** LoRA adapters that fit in one batch. Source: label `max_lora` of `vllm:lora_requests_info`. */
  readonly maxAdapters: Float32Array;
  /** Requests this host has sent and that are not done; 0 for an endpoint it has sent none, never unknown. */
  readonly inflightRequests: Float32Array;
  /** Prompt tokens of requests whose first token is still due; never unknown. */
  readonly inflightPromptTokens: Float32Array;
  /** Output tokens expected of requests not yet done; never unknown. */
  readonly inflightOutputTokens: Float32Array;
  /** Any column by its key, such as `metric.my_gauge`; all `NaN` for a key that nobody fills. */
  get(key: string): Float32Array;
  /** Whole ms between the measurement of a value and `nowMs` of the call; `Infinity` where it is unknown. */
  ageMs(key: string, slot: number): number;
}

/** The endpoints behind the slots of a call. */
export interface EndpointDirectory {
  /** Endpoint in a slot, or `undefined` where the slot is free. */
  at(slot: number): EndpointInfo | undefined;
  /** Length of the slot space: every slot is below it. */
  readonly slotCount: number;
}
