import type { IncomingMessage } from "node:http";
import type { IncomingRequest } from "../scheduling/types.ts";

/** A request of the gateway's, for the scheduler. */
export class GatewayRequest implements IncomingRequest {
  readonly door = "gateway";
  readonly isBodyHidden = false;
  readonly subset = undefined;
  readonly method: string;
  readonly path: string;
  readonly body: readonly Uint8Array[] | undefined;
  /** Names and values in turn. */
  readonly #headers: readonly string[];

  constructor({ method = "", url = "", rawHeaders }: IncomingMessage, body: readonly Uint8Array[] | undefined) {
    this.method = method;
    this.path = url;
    this.body = body;
    this.#headers = rawHeaders;
  }

  header(name: string): string | undefined {
    for (let i = this.#headers.length - 2; i >= 0; i -= 2) {
      const given = this.#headers[i] as string;
      if (given.length === name.length && given.toLowerCase() === name) return toText(this.#headers[i + 1] as string);
    }
    return undefined;
  }

  *headers(): Iterable<readonly [name: string, value: string]> {
    for (let i = 0; i < this.#headers.length; i += 2) {
      yield [(this.#headers[i] as string).toLowerCase(), toText(this.#headers[i + 1] as string)];
    }
  }
}

/** Node reads header bytes as Latin-1; clients that go beyond ASCII mean UTF-8. */
function toText(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0x7f) return Buffer.from(value, "latin1").toString();
  }
  return value;
}
