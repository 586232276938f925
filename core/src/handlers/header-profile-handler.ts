import type { DecisionRefusal, Profile, ProfileHandler } from "../cycle/types.ts";
import { headerOf } from "./request-header.ts";

/** `parameters:` of a `header-profile-handler`. */
export interface HeaderProfileOptions {
  /** Request header whose value names the profile, in any case. */
  readonly headerName: string;
  /** Profile of requests without that header, or with nothing in it. */
  readonly defaultProfile: string;
}

/** Characters of a client's value that are told back to it. */
const SHOWN_CHARS = 64;

/**
 * Runs the profile that a request header names, letter for letter; a name that there is no profile of is refused. Where
 * there is one profile only it runs whatever the header says.
 */
export function createHeaderProfileHandler(
  name: string,
  { headerName, defaultProfile }: HeaderProfileOptions,
  profiles: readonly Profile[],
): ProfileHandler {
  const header = headerName.toLowerCase();
  const byName = new Map(profiles.map((profile) => [profile.name, profile]));
  const only = profiles.length === 1 ? profiles[0] : undefined;
  return {
    name,
    type: "header-profile-handler",
    ownHeaders: [],
    primaryOf: (ran) => ran[0]?.name ?? "",
    next({ facts, profiles: ran }) {
      if (ran.length > 0) return undefined;
      if (only !== undefined) return only;
      const wanted = headerOf(facts, header)?.trim() ?? "";
      return byName.get(wanted === "" ? defaultProfile : wanted) ?? refuse(name, header, wanted);
    },
  };
}

function refuse(by: string, header: string, wanted: string): DecisionRefusal {
  const shown = wanted.slice(0, SHOWN_CHARS);
  const message = wanted === "" ? `${header} names no profile` : `${header} names no profile: there is no "${shown}"`;
  return { by, code: "ResourceExhausted", message, droppedReason: "", retryAfterS: 0 };
}
