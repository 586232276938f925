import { Fields, isRecord } from "../fields.ts";
import type { PluginEntry } from "../host/config-text.ts";
import { NotApplicable } from "../verdict.ts";
import { readSessionSettings } from "./session-settings.ts";

/** A plugin of a profile. */
export interface Member extends PluginEntry {
  readonly weight?: number;
  /** Its parameters, where they are told in words that nobody reads; absent = none are. */
  readonly settings?: string;
}

/** A configuration as a file of cases tells it, for short. */
export interface ShortForm {
  /** Members of each profile, by its name; empty = what the host makes of it. */
  readonly profiles: Readonly<Record<string, readonly Member[]>>;
  /** Plugins that stand in no profile. */
  readonly beside: readonly PluginEntry[];
  /** Sections that name those. */
  readonly sections: Readonly<Record<string, unknown>>;
}

/** Fields that say what others mean, or what stands in the data layer, which a case fills itself. */
const told = ["plugins", "profiles", "same_as", "difference"];

/** The short form of a name, less what the one it is the same as has and it has not. */
export function readShortForm(name: string, configs: Readonly<Record<string, unknown>>): ShortForm {
  const config = configs[name];
  if (!isRecord(config)) throw new NotApplicable("unknown fields", `config ${name} is not among the fixtures`);
  const fields = new Fields(config, `configs.${name}`);
  if (!fields.has("same_as") || fields.string("same_as") === name) return readFields(fields, name);
  const base = configs[fields.string("same_as")];
  const without = fields.has("difference") ? withoutDecider(base, fields.string("difference")) : base;
  return readShortForm("base", { ...configs, base: without });
}

/** The only difference that is understood: a decider is missing, so that its stage never runs. */
function withoutDecider(base: unknown, difference: string): unknown {
  const [, stage] = /^no (\w+) decider\b/.exec(difference) ?? [];
  const handler = isRecord(base) ? base.profile_handler : undefined;
  const decider = new RegExp(`, ${stage} decider [\\w-]+`);
  if (stage === undefined || typeof handler !== "string" || !decider.test(handler))
    throw new NotApplicable("in words", `difference: ${difference}`);
  return { ...(base as object), profile_handler: handler.replace(decider, "") };
}

function readFields(fields: Fields, config: string): ShortForm {
  const parts = Object.entries(fields.values)
    .filter(([field]) => !told.includes(field))
    .map(([field, value]) => readField(field, value, config));
  const profiles = fields.object("profiles");
  return {
    profiles: Object.fromEntries(
      Object.keys(profiles.values).map(
        (name) => [name, profiles.texts(name).map((entry) => toMember(entry, name))] as const,
      ),
    ),
    beside: parts.flatMap(({ beside }) => beside),
    sections: Object.assign({}, ...parts.map(({ sections }) => sections)),
  };
}

/** What a configuration asks for besides scorers and a picker, by the field that says so. */
function readField(field: string, value: unknown, config: string): Pick<ShortForm, "beside" | "sections"> {
  if (field === "feature_gate" && value === "flowControl") throw new NotApplicable("flow control", `config ${config}`);
  if (field === "parser" && typeof value === "string")
    return { beside: [{ type: value }], sections: { requestHandler: { parsers: [{ pluginRef: value }] } } };
  if (field === "profile_handler" && typeof value === "string") return { beside: readHandler(value), sections: {} };
  if (field === "extra_plugins" && Array.isArray(value))
    return { beside: value.map((type) => ({ type: String(type) })), sections: {} };
  if (isRecord(value)) return readSettings(field, value);
  throw new NotApplicable("in words", `config ${config}: ${field} ${JSON.stringify(value)}`);
}

/** A plugin by its type, or by the role that its own fields name the type of. */
function readSettings(field: string, value: Readonly<Record<string, unknown>>): Pick<ShortForm, "beside" | "sections"> {
  if (field === "saturation_detector") {
    const { type, ...parameters } = value;
    const entry = { type: String(type), parameters };
    return { beside: [entry], sections: { saturationDetector: { pluginRef: entry.type } } };
  }
  const { namespace, name, ...rest } = value;
  const isAttribute = typeof value.expression === "string";
  const parameters = isAttribute ? { attributes: [{ key: { namespace, name }, ...rest }] } : value;
  return { beside: [{ type: field, parameters }], sections: {} };
}

/** `TYPE, STAGE decider TYPE, …` */
function readHandler(words: string): readonly PluginEntry[] {
  const [type = "", ...rest] = words.split(", ");
  const deciders = rest.map((part) => {
    const [, stage, decider] = /^(\w+) decider ([\w-]+)$/.exec(part) ?? [];
    if (stage === undefined || decider === undefined) throw new NotApplicable("in words", words);
    return [stage, decider] as const;
  });
  const parameters = deciders.length === 0 ? {} : { parameters: { deciders: Object.fromEntries(deciders) } };
  return [...deciders.map(([, decider]) => ({ type: decider })), { type, ...parameters }];
}

/** `TYPE`, `TYPE weight N`, `TYPE(settings)`; with settings it is this profile's own. */
function toMember(entry: string, profile: string): Member {
  const [, type = "", weight, settings] = /^([a-z0-9-]+)(?: weight ([\d.]+))?(?:\((.*)\))?$/.exec(entry) ?? [];
  if (type === "") throw new NotApplicable("in words", entry);
  return { type, ...(weight === undefined ? {} : { weight: Number(weight) }), ...toSettings(type, settings, profile) };
}

function toSettings(type: string, settings: string | undefined, profile: string): Omit<Member, "type" | "weight"> {
  if (settings === undefined) return {};
  if (!type.startsWith("session-affinity-")) return { settings };
  return { name: `${type}/${profile}`, parameters: readSessionSettings(settings) };
}
