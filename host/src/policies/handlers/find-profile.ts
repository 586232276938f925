import { OutriderError, type Profile } from "@outrider/core";

/** @throws {OutriderError} `CONFIG_INVALID` where there is no profile of the name. */
export function findProfile(profiles: readonly Profile[], name: string): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined) throw new OutriderError("CONFIG_INVALID", `there is no profile ${name}`);
  return found;
}
