import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Need, OutriderError } from "@outrider/core/contract";
import { type HandshakeRequestSchema, type HandshakeResponse, Role, type ScorerSpec } from "@outrider/protos/scorer";
import type { SessionClient, WireInstance } from "@outrider/transport";
import { admitPlugin, fromWireNeed, toWireNeed } from "./admit-plugin.ts";
import { columnsOf, dataOf, KeyNumbers } from "./key-numbers.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { HostIdentity, LinkContext } from "./plugin-link.ts";

/** Feature by which a plugin says that it takes a further hello. */
const handoffFeature = "handoff";

/** What the host can do beyond the first version of the contract. */
const hostFeatures = [handoffFeature, "cancel"];

/** Profiles in which a plugin has a handshake. */
export type AskingProfile = "session" | "replicated";

/** What a connection is opened over. */
export type Greeter = Pick<SessionClient, "hello" | "configure">;

/** A configured plugin that the process has accepted. */
export interface AcceptedPlugin {
  readonly entry: PluginEntry;
  readonly wire: WireInstance;
  /** Its scores depend on no request: it sends tables of them and is never asked. */
  readonly isPushed: boolean;
}

/** What a connection was opened to. */
export interface Negotiated {
  readonly bootId: string;
  readonly pluginVersion: string;
  /** Whether it takes what its predecessor has learned in a further hello. */
  readonly takesHandoff: boolean;
  /** At least one. */
  readonly plugins: readonly AcceptedPlugin[];
}

/**
 * Hello, grants and configuration. A plugin that cannot run is `failed` with the reason; the others of its process go on.
 * @throws {OutriderError} `PLUGIN_REJECTED` when none can, otherwise as the connection fails.
 */
export async function negotiate(greeter: Greeter, profile: AskingProfile, context: LinkContext): Promise<Negotiated> {
  const numbers = new KeyNumbers();
  for (const entry of context.entries) entry.move("handshaking");
  const hello = await greeter.hello(toHello(context, numbers), context.timing.handshakeMs);
  const admitted = admitAll(hello, profile, context, numbers);
  for (const { entry } of admitted) entry.move("configuring");
  const { bootId, pluginVersion, features } = hello;
  const plugins = await configure(greeter, context, admitted, numbers);
  return { bootId, pluginVersion, takesHandoff: features.includes(handoffFeature), plugins };
}

/** How the host introduces itself. */
export function toHello(
  { host, table }: LinkContext,
  numbers = new KeyNumbers(),
): MessageInitShape<typeof HandshakeRequestSchema> {
  return { ...toIdentity(host), availableColumns: table.current.columns.keys.map((key) => numbers.column(key)) };
}

/** Gives a configured plugin what its predecessor has learned. @throws {OutriderError} as the connection fails. */
export async function handOn(greeter: Greeter, { host, timing }: LinkContext, handoff: Uint8Array): Promise<void> {
  await greeter.hello({ ...toIdentity(host), handoff }, timing.handshakeMs);
}

function toIdentity({ version, instance }: HostIdentity) {
  return { host: "outrider", hostVersion: version, hostInstance: instance, features: [...hostFeatures] };
}

function admitAll(
  hello: HandshakeResponse,
  profile: AskingProfile,
  context: LinkContext,
  numbers: KeyNumbers,
): readonly AcceptedPlugin[] {
  const admitted: AcceptedPlugin[] = [];
  for (const [index, entry] of context.entries.entries()) {
    try {
      const spec = findSpec(entry, hello, context);
      const asked = [...spec.needs.map(fromWireNeed), ...(entry.spec.needs ?? [])];
      const granted = admitPlugin(entry, asked, context, profile);
      const wire = toInstance(entry, index + 1, spec, granted, numbers);
      admitted.push({ entry, wire, isPushed: spec.requestIndependent && profile === "session" });
    } catch (cause) {
      if (!(cause instanceof OutriderError)) throw cause;
      entry.move("failed", cause.message);
    }
  }
  return admitted;
}

function findSpec({ spec: { type } }: PluginEntry, { scorers }: HandshakeResponse, { name }: LinkContext): ScorerSpec {
  const spec = scorers.find((offered) => offered.type === type);
  if (spec !== undefined) return spec;
  const offered = scorers.map((scorer) => scorer.type).join(", ");
  throw new OutriderError("PLUGIN_REJECTED", `${name} serves no type ${type}; it serves ${offered}`);
}

function toInstance(
  { spec: { name } }: PluginEntry,
  id: number,
  { role, produces: names }: ScorerSpec,
  granted: readonly Need[],
  numbers: KeyNumbers,
): WireInstance {
  const produces = role === Role.PRODUCER ? names.map((key) => `data.${key}`) : [];
  const data = [...new Set([...dataOf(granted), ...produces])].map((key) => numbers.column(key));
  return { id, name, granted, data, produces };
}

/** Without the instances that it finds fault with, the plugin is configured again. */
async function configure(
  greeter: Greeter,
  context: LinkContext,
  plugins: readonly AcceptedPlugin[],
  numbers: KeyNumbers,
): Promise<readonly AcceptedPlugin[]> {
  if (plugins.length === 0)
    throw new OutriderError("PLUGIN_REJECTED", `none of the plugins of ${context.name} can run`);
  const { errors } = await greeter.configure(toConfiguration(plugins, context, numbers), context.timing.handshakeMs);
  if (errors.length === 0) return plugins;
  const accepted = plugins.filter(({ entry, wire }) => {
    const faults = errors.filter(({ instance }) => instance === wire.id).map((fault) => faultText(entry, fault));
    if (faults.length > 0) entry.move("failed", faults.join("; "));
    return faults.length === 0;
  });
  if (accepted.length < plugins.length) return configure(greeter, context, accepted, numbers);
  const messages = errors.map(({ message }) => message).join("; ");
  throw new OutriderError("PLUGIN_REJECTED", `${context.name} refuses its configuration: ${messages}`);
}

function toConfiguration(plugins: readonly AcceptedPlugin[], context: LinkContext, numbers: KeyNumbers) {
  const columns = new Set(plugins.flatMap(({ wire }) => columnsOf(wire.granted)));
  const budgetMs = Math.max(...plugins.map(({ entry }) => entry.spec.budgetMs));
  return {
    instances: plugins.map(({ entry, wire }) => ({
      id: wire.id,
      type: entry.spec.type,
      configJson: toJsonBytes(entry.spec.parameters),
      granted: wire.granted.map(toWireNeed),
      data: wire.data.map(({ key }) => numbers.column(key)),
    })),
    columns: Array.from(columns, (key) => numbers.column(key)),
    budgetUs: Math.round(Math.min(context.decisionBudgetMs, budgetMs) * 1000),
    syncBudgetMs: context.timing.syncMs,
  };
}

function faultText(
  { spec }: PluginEntry,
  { path, message }: { readonly path: string; readonly message: string },
): string {
  return `${spec.path}.parameters${path === "" ? "" : `.${path}`}: ${message}`;
}

function toJsonBytes(parameters: unknown): Uint8Array {
  return parameters === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(parameters));
}
