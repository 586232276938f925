/** How one request ended. */
export type Ending =
  /** As it should. */
  | { readonly kind: "well" }
  /** Its client went away, as it was to. */
  | { readonly kind: "aborted" }
  /** Otherwise. `sign` names what was seen, and storms are weighed against it; `detail` is for the reader. */
  | { readonly kind: "bad"; readonly sign: Sign; readonly detail: string };

/** What a request that went wrong saw: a status that was not due, a cut response, silence, or other content. */
export type Sign = "500" | "502" | "503" | "status" | "cut" | "silent" | "content";

/** As it should. */
export const well: Ending = { kind: "well" };
/** Its client went away. */
export const aborted: Ending = { kind: "aborted" };

/** @param detail what was seen instead. */
export function bad(sign: Sign, detail: string): Ending {
  return { kind: "bad", sign, detail: detail.slice(0, 160) };
}

/** Another status than was due. */
export function badStatus(status: number, text: string): Ending {
  const sign = status === 500 || status === 502 || status === 503 ? (String(status) as Sign) : "status";
  return bad(sign, `${status} ${text}`);
}
