import type { IncomingRequest } from "../scheduling/types.ts";
import type { HeaderList } from "./messages/header-list.ts";

/** A request as the gateway showed it, for the scheduler. */
export class ExtProcRequest implements IncomingRequest {
  readonly door = "ext_proc";
  readonly body: readonly Uint8Array[] | undefined;
  readonly isBodyHidden: boolean;
  readonly subset: readonly string[] | undefined;
  readonly #headers: HeaderList;

  /** @param body see {@link IncomingRequest.body}; "hidden" = there is one that the gateway does not show. */
  constructor(
    headers: HeaderList,
    body: readonly Uint8Array[] | "hidden" | undefined,
    subset: readonly string[] | undefined,
  ) {
    this.#headers = headers;
    this.isBodyHidden = body === "hidden";
    this.body = body === "hidden" ? undefined : body;
    this.subset = subset;
  }

  get path(): string {
    return this.#headers.get(":path") ?? "";
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }
}
