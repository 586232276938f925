import type { EppCase, Fixtures } from "../case-file.ts";
import type { ConfigSections, PluginEntry } from "../host/config-text.ts";
import { toConfigText } from "../host/config-text.ts";
import { type ConfigFault, refusalOf, refusedTypes } from "../host/load.ts";
import { NotApplicable } from "../verdict.ts";
import { type Member, readShortForm, type ShortForm } from "./short-form.ts";

/** A configuration for the host, and what of the case's it leaves out. */
export interface CaseConfig {
  readonly text: string;
  /** Scorers and filters that the loader refuses, by type, with what it says. */
  readonly leftOut: ReadonlyMap<string, ConfigFault>;
}

/** A scorer that tells idle endpoints from busy ones, for cases that name no configuration. */
const byQueue: ShortForm = { profiles: { default: [{ type: "queue-scorer" }] }, beside: [], sections: {} };

/** Modes of the reference in which there are objectives and rewrites for requests. */
const modesWithObjects = ["standard", "standalone-with-crd"];

/**
 * The configuration a case names, as far as this host has its types: scorers and filters that it refuses are left out,
 * and whatever else it refuses makes the case not applicable.
 */
export async function toHostConfig(testCase: EppCase, fixtures: Fixtures, maxEndpoints: number): Promise<CaseConfig> {
  const { fields } = testCase;
  const form = fields.has("config") ? readShortForm(fields.string("config"), fixtures.configs) : byQueue;
  const refused = await Promise.all(form.beside.map(({ type }) => refusalOf(type)));
  const faults = refused.filter((fault) => fault !== undefined);
  if (faults.length > 0) throw refusedTypes(faults);
  const leftOut = await findRefused(form);
  const modes = fields.texts("modes");
  const hasObjects = modes.length === 0 || modes.some((mode) => modesWithObjects.includes(mode));
  const sections = hasObjects ? { ...form.sections, ...toRequestSections(fixtures) } : form.sections;
  return { text: toText({ ...form, sections }, leftOut, maxEndpoints), leftOut };
}

async function findRefused({ profiles }: ShortForm): Promise<ReadonlyMap<string, ConfigFault>> {
  const refused = new Map<string, ConfigFault>();
  for (const { type, settings } of Object.values(profiles).flat()) {
    const fault = await refusalOf(type);
    if (fault !== undefined) refused.set(type, fault);
    else if (settings !== undefined) throw new NotApplicable("in words", `${type}(${settings})`);
  }
  return refused;
}

/** What the reference keeps in Kubernetes objects stands in the configuration here. */
function toRequestSections({ objectives, modelRewrites }: Fixtures): ConfigSections {
  return {
    objectives: Object.entries(objectives).map(([name, priority]) => ({ name, priority })),
    modelRewrites: Object.entries(modelRewrites).map(([from, to]) => ({ models: [from], targets: [{ model: to }] })),
  };
}

function toText(
  { profiles, beside, sections }: ShortForm,
  leftOut: ReadonlyMap<string, unknown>,
  maxEndpoints: number,
): string {
  const schedulingProfiles = Object.entries(profiles).map(([name, members]) => ({
    name,
    members: withPicker(members.filter(({ type }) => !leftOut.has(type))),
  }));
  const inProfiles = new Map(schedulingProfiles.flatMap(({ members }) => members).map((of) => [nameOf(of), of]));
  const entries = [...inProfiles.values()].map(({ name, type, parameters }): PluginEntry => {
    if (type.endsWith("-picker")) return { type, parameters: { maxNumOfEndpoints: maxEndpoints } };
    return { type, ...(name === undefined ? {} : { name }), ...(parameters === undefined ? {} : { parameters }) };
  });
  return toConfigText({
    plugins: [...entries, ...beside.filter(({ type }) => !inProfiles.has(type))],
    ...(schedulingProfiles.length === 0
      ? {}
      : { schedulingProfiles: schedulingProfiles.map(({ name, members }) => ({ name, plugins: members.map(toRef) })) }),
    ...sections,
  });
}

function withPicker(members: readonly Member[]): readonly Member[] {
  return members.some(({ type }) => type.endsWith("-picker")) ? members : [...members, { type: "max-score-picker" }];
}

function toRef(member: Member) {
  const { weight } = member;
  return weight === undefined ? { pluginRef: nameOf(member) } : { pluginRef: nameOf(member), weight };
}

function nameOf({ name, type }: Member): string {
  return name ?? type;
}
