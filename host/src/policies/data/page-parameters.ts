import { z } from "zod";
import { formatDuration, parseDurationMs } from "../../config/units.ts";
import type { PageSettings } from "../../datalayer/settings.ts";

const longestIntervalMs = 3_600_000;

/** A time as Go writes it, above 0 and up to an hour; becomes ms. */
const interval = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0 && ms <= longestIntervalMs) return ms;
  const error = `must be a time above 0 and up to ${formatDuration(longestIntervalMs)}, with its unit, such as 1s`;
  context.addIssue({ code: "custom", message: error });
  return z.NEVER;
});

/** `parameters:` of a source that fetches a page of each endpoint. @param path of the page where none is named. */
export function pageParameters(path: string) {
  return z
    .strictObject({
      /** `http` or `https`. */
      scheme: z.enum(["http", "https"]).default("http"),
      /** Path of the page. */
      path: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/, "must start with / and hold no blanks")
        .default(path),
      /** Port in the place of the endpoints' own; default theirs. */
      port: z.int().min(0).max(65_535).default(0),
      /** Whether any certificate is accepted over https. */
      insecureSkipVerify: z.boolean().default(true),
      /** PEM file of the authorities of the endpoints' certificates; default the system's. */
      caCertPath: z.string().default(""),
      /** PEM file of the host's own certificate; default none. */
      clientCertPath: z.string().default(""),
      /** PEM file of its key. */
      clientKeyPath: z.string().default(""),
      /** Between two fetches, such as `1s`. */
      interval: interval.optional(),
    })
    .refine(({ clientCertPath, clientKeyPath }) => (clientCertPath === "") === (clientKeyPath === ""), {
      path: ["clientCertPath"],
      error: "stands together with clientKeyPath: name both, or neither",
    });
}

/** Parameters as {@link pageParameters} completes them. */
export type PageParameters = z.output<ReturnType<typeof pageParameters>>;

/** How the page is fetched. @param intervalMs where the parameters name no interval. */
export function toPageSettings({ interval: given, ...rest }: PageParameters, intervalMs: number): PageSettings {
  return { ...rest, intervalMs: given ?? intervalMs };
}

/** What is hardly meant: certificates that nothing looks at. */
export function oddPageParameters({ scheme, insecureSkipVerify, caCertPath, clientCertPath }: PageParameters) {
  if (scheme === "http") {
    const unused = Object.entries({ caCertPath, clientCertPath }).filter(([, path]) => path !== "");
    return unused.map(([name]) => ({ path: [name], message: "is not used over http", hint: "write scheme: https" }));
  }
  if (caCertPath === "" || !insecureSkipVerify) return [];
  const hint = "write insecureSkipVerify: false";
  return [{ path: ["caCertPath"], message: "is not used: any certificate is accepted", hint }];
}
