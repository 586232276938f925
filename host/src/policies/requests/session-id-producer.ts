import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

const name = (what: string) => z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, `must be the name of a ${what}`);

/** `parameters:` of a `session-id-producer`. */
const sessionIdProducerParameters = z
  .strictObject({
    /** Request header that has the id. */
    headerName: name("header").optional(),
    /** Cookie that has the id. */
    cookieName: name("cookie").optional(),
  })
  .refine(({ headerName, cookieName }) => (headerName === undefined) !== (cookieName === undefined), {
    error: "must have either headerName or cookieName",
  });

/** Where requests say which session they belong to. */
export const sessionIdProducer = definePolicy({
  type: "session-id-producer",
  about: "Says in which header or cookie the id of a session stands, before the places that are known anyway.",
  parameters: sessionIdProducerParameters,
  explain: ({ headerName, cookieName }) =>
    `reads the id of a session from ${headerName === undefined ? `cookie ${cookieName}` : `header ${headerName}`}`,
  session: ({ headerName, cookieName = "" }) => [
    headerName === undefined
      ? { kind: "cookie", name: cookieName }
      : { kind: "header", name: headerName.toLowerCase() },
  ],
});
