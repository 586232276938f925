import { NotApplicable } from "../verdict.ts";

/** Parameters of a plugin that pins sessions, out of `profileName P, header H` or `strategy S, sources: header H, attribute A`. */
export function readSessionSettings(settings: string): object {
  const [before = "", sources] = settings.split(/(?:^|, )sources: /);
  const words = Object.fromEntries(before.split(", ").map((part) => toPair(part, settings)));
  const { header, profileName, strategy, ...unknown } = words;
  if (Object.keys(unknown).length > 0) throw new NotApplicable("in words", settings);
  return {
    ...(profileName === undefined ? {} : { profileName }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(header === undefined ? {} : { encodedEndpointHeaderConfig: { header } }),
    ...(sources === undefined ? {} : { sessionIdConfig: { sources: toSources(sources, settings) } }),
  };
}

function toSources(sources: string, settings: string): readonly object[] {
  return sources.split(", ").map((part) => Object.fromEntries([toPair(part, settings)]));
}

function toPair(part: string, settings: string): readonly [string, string] {
  const [, name, value] = /^(\w+) (\S+)$/.exec(part) ?? [];
  if (name === undefined || value === undefined) throw new NotApplicable("in words", settings);
  return [name, value];
}
