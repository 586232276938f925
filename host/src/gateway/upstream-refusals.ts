import { refuse } from "../scheduling/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import type { UpstreamFailure } from "./upstream/types.ts";

/** What the client is told when no model server answered. */
export function refusalFor({ kind, error }: UpstreamFailure): Refusal {
  switch (kind) {
    case "invalid":
      return refuse("BadRequest", `the request cannot be passed on: ${error.message}`);
    case "connect_failed":
    case "connect_timeout":
      return refuse("ServiceUnavailable", `no model server accepts the connection: ${error.message}`);
    case "connection_lost":
    case "broken":
      return { ...refuse("ServiceUnavailable", `the model server broke off: ${error.message}`), status: 502 };
  }
}
