import type { IncomingRequest } from "../scheduling/types.ts";
import { requestIdHeader } from "./request-id.ts";

/** What is known of a request of the gateway's. */
export interface GatewayRequestParts {
  /** Path with its query. */
  readonly path: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly requestId: string;
  readonly body: readonly Uint8Array[] | undefined;
}

/** A request of the gateway's, for the scheduler; it has its id whether the client gave one or not. */
export class GatewayRequest implements IncomingRequest {
  readonly door = "gateway";
  readonly isBodyHidden = false;
  readonly subset = undefined;
  readonly path: string;
  readonly body: readonly Uint8Array[] | undefined;
  readonly #headers: readonly string[];
  readonly #requestId: string;

  constructor({ path, rawHeaders, requestId, body }: GatewayRequestParts) {
    this.path = path;
    this.body = body;
    this.#headers = rawHeaders;
    this.#requestId = requestId;
  }

  header(name: string): string | undefined {
    if (name === requestIdHeader) return this.#requestId;
    for (let i = this.#headers.length - 2; i >= 0; i -= 2) {
      const given = this.#headers[i] as string;
      if (given.length === name.length && given.toLowerCase() === name) return toText(this.#headers[i + 1] as string);
    }
    return undefined;
  }
}

/** Node reads header bytes as Latin-1; clients that go beyond ASCII mean UTF-8. */
function toText(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0x7f) return Buffer.from(value, "latin1").toString();
  }
  return value;
}
