import { Fields, isRecord } from "../fields.ts";
import { NotApplicable } from "../verdict.ts";

/** Type of a plugin, and its settings in words; empty = none. */
interface Member {
  readonly type: string;
  readonly settings: string;
}

const isOfSessions = ({ type }: Member) => type.startsWith("session-affinity-");

/**
 * Text of a configuration that pins sessions, out of the file's short form; `undefined` where it pins none. Each
 * profile may have a plugin of its own of one type, with other settings.
 */
export function toSessionConfig(name: string, configs: Readonly<Record<string, unknown>>): string | undefined {
  const config = configs[name];
  if (!isRecord(config)) return undefined;
  const fields = new Fields(config, `configs.${name}`);
  if (fields.has("same_as")) return toSessionConfig("base", { base: toBase(fields, configs) });
  const listed = fields.object("profiles");
  const profiles = Object.keys(listed.values).map((profile) => ({
    profile,
    members: listed.texts(profile).map(toMember),
  }));
  if (!profiles.some(({ members }) => members.some(isOfSessions))) return undefined;
  const inProfiles = profiles.flatMap(({ profile, members }) =>
    members.map(({ type, settings }) => ({ name: `${type}/${profile}`, type, ...toParameters(settings) })),
  );
  return JSON.stringify({
    apiVersion: "outrider.dev/v1alpha1",
    kind: "EndpointPickerConfig",
    budget: "2s",
    plugins: [...toEntries(fields), ...inProfiles],
    schedulingProfiles: profiles.map(({ profile, members }) => ({
      name: profile,
      plugins: members.map(({ type }) => ({ pluginRef: `${type}/${profile}` })),
    })),
  });
}

/** What another configuration has, less a decider that the difference names. */
function toBase(fields: Fields, configs: Readonly<Record<string, unknown>>): unknown {
  const base = configs[fields.string("same_as")];
  const difference = fields.has("difference") ? fields.string("difference") : "";
  if (difference === "" || !isRecord(base)) return base;
  const [, stage] = /^no (\w+) decider\b/.exec(difference) ?? [];
  if (stage === undefined) throw new NotApplicable("in words", `difference: ${difference}`);
  const handler = String(base.profile_handler).replace(new RegExp(`, ${stage} decider [\\w-]+`), "");
  return { ...base, profile_handler: handler };
}

/** `TYPE` or `TYPE(settings)`. */
function toMember(entry: string): Member {
  const [, type, settings = ""] = /^([a-z0-9-]+)(?:\((.*)\))?$/.exec(entry) ?? [];
  if (type === undefined) throw new NotApplicable("in words", entry);
  return { type, settings };
}

/** `profileName P, header H`, or `strategy S, sources: header H, attribute A`. */
function toParameters(settings: string): { readonly parameters?: object } {
  if (settings === "") return {};
  const [before = "", sources] = settings.split(/(?:^|, )sources: /);
  const words = Object.fromEntries(before.split(", ").map((part) => toPair(part, settings)));
  const { header, profileName, strategy, ...unknown } = words;
  if (Object.keys(unknown).length > 0) throw new NotApplicable("in words", settings);
  return {
    parameters: {
      ...(profileName === undefined ? {} : { profileName }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(header === undefined ? {} : { encodedEndpointHeaderConfig: { header } }),
      ...(sources === undefined
        ? {}
        : {
            sessionIdConfig: {
              sources: sources.split(", ").map((part) => Object.fromEntries([toPair(part, settings)])),
            },
          }),
    },
  };
}

function toPair(part: string, settings: string): readonly [string, string] {
  const [, name, value] = /^(\w+) (\S+)$/.exec(part) ?? [];
  if (name === undefined || value === undefined) throw new NotApplicable("in words", settings);
  return [name, value];
}

/** Plugins beside those of profiles; a parser is read anyway. */
function toEntries(fields: Fields): readonly object[] {
  const unknown = fields.unknown(["profiles", "parser", "profile_handler", "extra_plugins"]);
  if (unknown.length > 0) throw new NotApplicable("in words", unknown.join(", "));
  const extra = fields.texts("extra_plugins").map((type) => ({ type }));
  return fields.has("profile_handler") ? [...extra, ...toHandler(fields.string("profile_handler"))] : extra;
}

/** `TYPE, STAGE decider TYPE, …` */
function toHandler(words: string): readonly object[] {
  const [type = "", ...rest] = words.split(", ");
  const deciders = rest.map((part) => {
    const [, stage, decider] = /^(\w+) decider ([\w-]+)$/.exec(part) ?? [];
    if (stage === undefined || decider === undefined) throw new NotApplicable("in words", words);
    return [stage, decider] as const;
  });
  const parameters = { deciders: Object.fromEntries(deciders) };
  return [...deciders.map(([, decider]) => ({ type: decider })), { type, ...(deciders.length > 0 && { parameters }) }];
}
