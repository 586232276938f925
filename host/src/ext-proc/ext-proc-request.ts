import type { IncomingRequest } from "../scheduling/types.ts";
import type { HeaderList } from "./messages/header-list.ts";

/** A request as the gateway showed it, for the scheduler. */
export class ExtProcRequest implements IncomingRequest {
  readonly door = "ext_proc";
  readonly isBodyHidden = false;
  readonly body: readonly Uint8Array[] | undefined;
  readonly subset: readonly string[] | undefined;
  readonly #headers: HeaderList;

  constructor(headers: HeaderList, body: readonly Uint8Array[] | undefined, subset: readonly string[] | undefined) {
    this.#headers = headers;
    this.body = body;
    this.subset = subset;
  }

  get method(): string {
    return this.#headers.get(":method") ?? "";
  }

  get path(): string {
    return this.#headers.get(":path") ?? "";
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  headers(): Iterable<readonly [name: string, value: string]> {
    return this.#headers.entries();
  }
}
