import type { CycleFacts } from "../cycle/types.ts";

/** Value of a request header that was asked for, by its lower-case name; `undefined` where the request has none. */
export function headerOf({ headers }: Pick<CycleFacts, "headers">, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}
