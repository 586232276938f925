import type { EndpointInfo } from "@outrider/core";

/** An endpoint in the words of the reference EPP. */
export interface EndpointName {
  /** Name without its namespace. */
  readonly name: string;
  /** Empty = its source names none. */
  readonly namespace: string;
  readonly port: string;
}

/** Takes an id such as `default/vllm-0` apart. */
export function toEndpointName({ id, address }: Pick<EndpointInfo, "id" | "address">): EndpointName {
  const slash = id.indexOf("/");
  return {
    name: id.slice(slash + 1),
    namespace: id.slice(0, Math.max(slash, 0)),
    port: address.slice(address.lastIndexOf(":") + 1),
  };
}
