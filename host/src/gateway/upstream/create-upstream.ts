import type { GatewayOptions } from "../gateway-options.ts";
import { createHttp1Upstream } from "./http1-upstream.ts";
import { createHttp2Upstream } from "./http2-upstream.ts";
import type { Upstream } from "./types.ts";

/** Connections to model servers, in the protocol they speak. */
export function createUpstream(options: Pick<GatewayOptions, "upstream" | "connectTimeoutMs">): Upstream {
  const { upstream, connectTimeoutMs } = options;
  return upstream === "h2c" ? createHttp2Upstream(connectTimeoutMs) : createHttp1Upstream(connectTimeoutMs);
}
