import { create } from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import { type HandshakeRequest, HandshakeResponseSchema } from "@outrider/protos/scorer";
import { createHostState, type HostContext, type HostState } from "./host-state.ts";
import { createPluginHealth, type PluginHealth } from "./plugin-health.ts";
import { PluginSession, type SessionOutlet } from "./plugin-session.ts";
import { toScorerSpec } from "./spec.ts";
import { createUnaryService, type UnaryService } from "./unary-service.ts";

/** Hosts whose state is kept while they are not connected. */
const keptHosts = 8;

/** What this SDK does beyond v1 for every plugin; whether there is anything to hand over its instances decide. */
const sdkFeatures = ["cancel", "handoff"];

/** What a plugin says of itself, and what it runs with. */
export interface PluginServerOptions extends HostContext {
  /** Name of the plugin, for logs. */
  readonly name: string;
  /** Its version, semantic versioning. */
  readonly version: string;
  /** Random per start of the process. */
  readonly bootId: string;
}

/** The plugin behind any transport: each host has its own state, whatever number of connections it opens in turn. */
export interface PluginServer {
  /** A host opened a Session. */
  connect(outlet: SessionOutlet): PluginSession;
  /** Answers hosts that open none. */
  readonly unary: UnaryService;
  /** What hosts and probes are told. */
  readonly health: PluginHealth;
  /** Calls not answered, of all hosts. */
  readonly load: number;
}

interface KnownHost {
  readonly state: HostState;
  session: PluginSession | undefined;
}

/** @throws {OutriderError} `CONFIG_INVALID` where there is no definition, or one type twice. */
export function createPluginServer(options: PluginServerOptions): PluginServer {
  checkTypes(options.definitions.map(({ type }) => type));
  const { name: plugin, version: pluginVersion, bootId } = options;
  const hello = create(HandshakeResponseSchema, {
    plugin,
    pluginVersion,
    bootId,
    features: sdkFeatures,
    scorers: options.definitions.map(toScorerSpec),
  });
  const health = createPluginHealth();
  /** By host instance; one that does not name itself is known by its connection alone. */
  const hosts = new Map<string | symbol, KnownHost>();

  /** The last connection of a host counts: the one before it is a connection that the host has given up. */
  const enter = ({ hostInstance }: HandshakeRequest, session: PluginSession | undefined): HostState => {
    const name = hostInstance === "" ? Symbol("host") : hostInstance;
    const known = hosts.get(name) ?? { state: createHostState(options), session: undefined };
    known.session?.end("aborted", "the host opened another session");
    known.session = session;
    hosts.delete(name);
    hosts.set(name, known);
    forgetHosts(hosts);
    return known.state;
  };
  const { clock, log } = options;
  const states = () => Iterator.from(hosts.values()).map(({ state }) => state);

  return {
    health,
    connect: (outlet) => new PluginSession({ outlet, hello, enter, health, clock, log }),
    unary: createUnaryService({ hello, enter: (request) => enter(request, undefined), hosts: states, clock, log }),
    get load() {
      return states()
        .flatMap(({ instances }) => instances.values())
        .reduce((sum, { load }) => sum + load, 0);
    },
  };
}

/** Drops those longest gone. */
function forgetHosts(hosts: Map<string | symbol, KnownHost>): void {
  for (const [name, { session }] of hosts) {
    if (hosts.size <= keptHosts) return;
    if (session?.isOpen !== true) hosts.delete(name);
  }
}

function checkTypes(types: readonly string[]): void {
  const repeated = types.find((type, i) => types.indexOf(type) !== i);
  if (repeated !== undefined) throw new OutriderError("CONFIG_INVALID", `type ${repeated} is served twice`);
  if (types.length === 0) throw new OutriderError("CONFIG_INVALID", "a plugin serves at least one type");
}
