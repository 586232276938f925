import type { GivenFacts } from "@outrider/core";
import type { Header } from "@outrider/protos/picker";
import type { IncomingRequest } from "../scheduling/types.ts";

/** What an {@link IncomingPick} is made of, checked. */
export type IncomingPickParts = Pick<IncomingRequest, "path" | "body" | "subset"> & {
  readonly headers: readonly Header[];
  /** What stands in the place of a body. */
  readonly given: GivenFacts | undefined;
};

/** A request that a gateway asks about, for the scheduler. */
export class IncomingPick implements IncomingRequest {
  readonly door = "pick";
  readonly isBodyHidden = false;
  readonly path: string;
  readonly body: readonly Uint8Array[] | undefined;
  readonly subset: readonly string[] | undefined;
  readonly given: GivenFacts | undefined;
  readonly #headers: readonly (readonly [name: string, value: string])[];

  constructor({ path, body, subset, given, headers }: IncomingPickParts) {
    this.path = path;
    this.body = body;
    this.subset = subset;
    this.given = given;
    this.#headers = headers.map(({ name, value }) => [name.toLowerCase(), value]);
  }

  header(name: string): string | undefined {
    return this.#headers.findLast(([given]) => given === name)?.[1];
  }
}
