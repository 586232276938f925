/** What a plugin that cannot ask for anything gets from a host. */
export const defaultNeeds = ["waiting_requests", "running_requests", "kv_cache_usage"] as const;
