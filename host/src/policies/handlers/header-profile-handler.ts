import { createHeaderProfileHandler, type HeaderProfileOptions } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** `parameters:` of a `header-profile-handler`. */
const headerProfileParameters = z.strictObject({
  /** Request header whose value names the profile, in any case; blank = the default. */
  headerName: z.string().default("EPP-Profile"),
  /** Profile of requests without that header, or with nothing in it; blank = the default. */
  defaultProfile: z.string().default("decode"),
});

/** Has the client, or a proxy before the gateway, choose the profile. */
export const headerProfileHandler = definePolicy({
  type: "header-profile-handler",
  about: "Runs the profile that a request header names; a name without a profile is answered 429.",
  parameters: headerProfileParameters,
  explain(parameters, profiles) {
    if (profiles.length === 1) return `runs profile ${profiles[0]}, whatever headers say`;
    const { headerName, defaultProfile } = toOptions(parameters);
    const otherwise = profiles.includes(defaultProfile) ? defaultProfile : "refuses requests";
    return `runs the profile that header ${headerName} names, and without it ${otherwise}`;
  },
  needs: (parameters) => [{ key: "request.headers", names: [toOptions(parameters).headerName.toLowerCase()] }],
  handler: (name, parameters, { profiles }) => createHeaderProfileHandler(name, toOptions(parameters), profiles),
});

function toOptions({ headerName, defaultProfile }: HeaderProfileOptions): HeaderProfileOptions {
  return { headerName: headerName.trim() || "EPP-Profile", defaultProfile: defaultProfile.trim() || "decode" };
}
