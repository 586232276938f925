import { stringify } from "yaml";
import type { EppCase, Fixtures } from "../case-file.ts";
import { Fields, isRecord } from "../fields.ts";
import { faultsOf } from "../host/load.ts";
import { NotApplicable } from "../verdict.ts";
import { toSessionConfig } from "./session-config.ts";

/** A configuration for the host, and what of the case's it leaves out. */
export interface CaseConfig {
  readonly text: string;
  /** Types that this host does not have, with what stands in for them where it advises something. */
  readonly leftOut: readonly string[];
}

/** A plugin of a profile, in the file's short form. */
interface Member {
  readonly type: string;
  readonly weight: number | undefined;
}

/** Parsers whose requests the host reads without being told. */
const readAnyway = ["openai-parser"];

/** A scorer that tells idle endpoints from busy ones, for cases that name no configuration. */
const defaultMembers: readonly Member[] = [{ type: "queue-scorer", weight: undefined }];

/** The configuration a case names, as far as this host has its types. */
export async function toHostConfig(testCase: EppCase, fixtures: Fixtures, maxEndpoints: number): Promise<CaseConfig> {
  const ofSessions = testCase.fields.has("config")
    ? toSessionConfig(testCase.fields.string("config"), fixtures.configs)
    : undefined;
  if (ofSessions !== undefined) return { text: ofSessions, leftOut: [] };
  const members = testCase.fields.has("config")
    ? await readMembers(testCase.fields.string("config"), fixtures)
    : defaultMembers;
  return buildConfig(members, maxEndpoints);
}

/** A configuration of one profile with the given types; those that the loader does not know are left out. */
export async function buildConfig(members: readonly Member[], maxEndpoints: number): Promise<CaseConfig> {
  const kept: Member[] = [];
  const leftOut: string[] = [];
  for (const member of members) {
    const advice = await adviseOn(member.type);
    if (advice !== undefined)
      leftOut.push(advice.type === undefined ? member.type : `${member.type} (${advice.type} instead)`);
    const type = advice === undefined ? member.type : advice.type;
    if (type !== undefined && !kept.some((other) => other.type === type)) kept.push({ ...member, type });
  }
  return { text: toText(kept, maxEndpoints), leftOut };
}

/** What the loader says of a type: `undefined` where it has it, else the type it tells to write instead, if any. */
async function adviseOn(type: string): Promise<{ readonly type: string | undefined } | undefined> {
  const faults = await faultsOf(toText([{ type, weight: undefined }], 1));
  const fault = faults.find(({ path }) => path === "plugins[0].type");
  if (fault === undefined) return undefined;
  const instead = /\bwrite type: ([\w-]+)/.exec(fault.hint)?.[1];
  return { type: instead === undefined || (await adviseOn(instead)) !== undefined ? undefined : instead };
}

async function readMembers(name: string, fixtures: Fixtures): Promise<readonly Member[]> {
  const config = fixtures.configs[name];
  if (!isRecord(config)) throw new NotApplicable("unknown fields", `config ${name} is not among the fixtures`);
  const fields = new Fields(config, `configs.${name}`);
  if (fields.has("same_as") && fields.string("same_as") !== name)
    return readMembers(fields.string("same_as"), fixtures);
  for (const field of fields.unknown(["plugins", "profiles", "parser"])) refuseField(field, fields.values[field], name);
  if (fields.has("parser")) await checkParser(fields.string("parser"));
  const profiles = Object.keys(fields.object("profiles").values);
  if (profiles.length !== 1)
    throw new NotApplicable("plugin types", `a profile handler for ${profiles.join(", ") || "no profile"}`);
  const entries = fields.object("profiles").texts(profiles[0] ?? "");
  return Promise.all(entries.map(toMember));
}

/** What a configuration asks for besides scorers and a picker, by the field that says so. */
function refuseField(field: string, value: unknown, config: string): never {
  const told = JSON.stringify(value);
  if (field === "feature_gate" && value === "flowControl") throw new NotApplicable("flow control", `config ${config}`);
  if (field === "profile_handler" || field === "extra_plugins") throw new NotApplicable("plugin types", told);
  if (isRecord(value)) throw new NotApplicable("plugin types", field);
  throw new NotApplicable("in words", `config ${config}: ${field} ${told}`);
}

/** A parser is left out only where the host reads its requests anyway. */
async function checkParser(type: string): Promise<void> {
  if (readAnyway.includes(type) || (await adviseOn(type)) === undefined) return;
  throw new NotApplicable("plugin types", type);
}

async function toMember(entry: string): Promise<Member> {
  const [, type = "", weight, settings] = /^([a-z0-9-]+)(?: weight ([\d.]+))?(\(.*\))?$/.exec(entry) ?? [];
  if (type === "") throw new NotApplicable("in words", entry);
  if (settings !== undefined) {
    const isKnown = (await adviseOn(type)) === undefined;
    throw isKnown ? new NotApplicable("in words", entry) : new NotApplicable("plugin types", type);
  }
  return { type, weight: weight === undefined ? undefined : Number(weight) };
}

/** Budgets are wide: a case is about what is decided, not how fast a busy machine is. */
function toText(members: readonly Member[], maxEndpoints: number): string {
  const picker = members.some(({ type }) => type.endsWith("-picker"))
    ? []
    : [{ type: "max-score-picker", weight: undefined }];
  const all = [...members, ...picker];
  const parameters = (type: string) =>
    type.endsWith("-picker") ? { parameters: { maxNumOfEndpoints: maxEndpoints } } : {};
  return stringify({
    apiVersion: "outrider.dev/v1alpha1",
    kind: "EndpointPickerConfig",
    budget: "2s",
    plugins: all.map(({ type }) => ({ type, ...parameters(type) })),
    schedulingProfiles: [{ name: "default", plugins: all.map(toReference) }],
  });
}

function toReference({ type, weight }: Member) {
  return weight === undefined ? { pluginRef: type } : { pluginRef: type, weight };
}
