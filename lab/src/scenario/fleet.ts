import { roleLabel } from "@outrider/core";
import { didYouMean, quote, type Reporter } from "@outrider/host";
import type { LabEvent, LabServer } from "../contract/index.ts";
import { createEngine, type EngineConfig } from "../engine/index.ts";
import { defaultModel } from "../workload/part.ts";
import type { EventSpec, FleetSpec } from "./schema-fleet.ts";

const mostServers = 10_000;

/** Servers of all groups, those of a group one behind the other. Reports what cannot be. */
export function createServers(groups: FleetSpec, report: Reporter): readonly LabServer[] {
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  if (total > mostServers) {
    report.fault(["fleet"], `has ${total} servers, ${mostServers} are the most`);
    return [];
  }
  checkNames(groups, report);
  return groups.flatMap((group, i) => {
    const engine = checkEngine(toEngine(group), i, report);
    return Array.from(
      { length: group.count },
      (_, n): LabServer => ({ ...toServer(group, engine), name: nameOf(group, n) }),
    );
  });
}

type Group = FleetSpec[number];

function nameOf({ name }: Group, index: number): string {
  return `${name}-${index + 1}`;
}

/** Names of servers are told apart, although `a-1` may be a group too. */
function checkNames(groups: FleetSpec, report: Reporter): void {
  const seen = new Map<string, number>();
  for (const [i, group] of groups.entries()) {
    for (let n = 0; n < group.count; n++) {
      const before = seen.get(nameOf(group, n));
      if (before !== undefined) {
        const hint = `fleet[${before}] has one of this name, too`;
        report.fault(["fleet", i, "name"], `gives a server the name ${quote(nameOf(group, n))} again`, hint);
        break;
      }
      seen.set(nameOf(group, n), i);
    }
  }
}

/** What is not written is left to the engine. */
function toEngine({ engine, kvTokens, maxRunning, maxBatchTokens, maxModelTokens }: Group): EngineConfig {
  const limits = Object.entries({ kvTokens, maxRunning, maxBatchTokens, maxModelTokens });
  return { ...engine, ...Object.fromEntries(limits.filter(([, limit]) => limit !== undefined)) };
}

function checkEngine(engine: EngineConfig, group: number, report: Reporter): EngineConfig {
  try {
    createEngine(engine);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    report.fault(["fleet", group, "engine"], `cannot be: ${cause.message}`, "write kvTokens, or more devices");
  }
  return engine;
}

function toServer(group: Group, engine: EngineConfig): Omit<LabServer, "name"> {
  const { labels, role, adapters, maxAdapters = adapters.length, slowdown } = group;
  const model = group.model ?? (adapters.length === 0 ? undefined : defaultModel);
  return {
    engine,
    ...(model === undefined ? {} : { model }),
    labels: role === undefined ? labels : { ...labels, [roleLabel]: role },
    adapters,
    maxAdapters: adapters.length === 0 ? 0 : maxAdapters,
    slowdown,
  };
}

/** Events in the order of time, with the names of servers. Reports names that none has. */
export function createEvents(
  events: readonly EventSpec[],
  groups: FleetSpec,
  servers: readonly LabServer[],
  report: Reporter,
): readonly LabEvent[] {
  const known = new Map<string, readonly string[]>(servers.map(({ name }) => [name, [name]]));
  for (const group of groups)
    known.set(
      group.name,
      Array.from({ length: group.count }, (_, n) => nameOf(group, n)),
    );
  const resolve = (event: EventSpec, i: number) =>
    event.servers.flatMap((name, j) => {
      const names = known.get(name);
      if (names !== undefined) return names;
      const hint = didYouMean(name, known.keys()) || `there are ${groups.map((group) => group.name).join(", ")}`;
      report.fault(["events", i, "servers", j], `there is no server or group ${quote(name)}`, hint);
      return [];
    });
  return events.map((event, i) => toEvent(event, [...new Set(resolve(event, i))])).toSorted((a, b) => a.atMs - b.atMs);
}

function toEvent(event: EventSpec, servers: readonly string[]): LabEvent {
  const when = { atMs: event.at, servers };
  switch (event.kind) {
    case "slowdown":
      return { ...when, kind: "slowdown", factor: event.factor };
    case "join":
      return { ...when, kind: "join", startMs: event.start };
    case "crash":
    case "leave":
      return { ...when, kind: event.kind };
  }
}
