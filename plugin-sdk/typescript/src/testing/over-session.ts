import { setImmediate as turn } from "node:timers/promises";
import type { CycleCall, EndpointSnapshot } from "@outrider/core/contract";
import { type AnyDefinition, columnKeys, OutriderError, toNeeds } from "@outrider/core/contract";
import type { SessionClient, SessionOptions, WireInstance } from "@outrider/transport";
import { toWireNeed } from "../spec.ts";
import type { OpenPlugin } from "./open-plugin.ts";

/** Longest wait for a plugin's hello, configuration and state, in ms. */
const setupMs = 10_000;

/** Options of a session that a test opens; a plugin that breaks the contract is remembered in `broken`. */
export function testSession(token: string, broken: OutriderError[]): SessionOptions {
  const ignore = () => {};
  const events = {
    violation: (error: OutriderError) => void broken.push(error),
    answered: ignore,
    lateAnswer: ignore,
    resynced: ignore,
    health: ignore,
    table: ignore,
    writable: ignore,
    closed: ignore,
  };
  return { token, epoch: 1, events };
}

/**
 * Configures one instance behind a session, with everything granted that it asks for.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the parameters.
 */
export async function openOverSession(
  session: SessionClient,
  definition: AnyDefinition,
  parameters: unknown,
  broken: readonly OutriderError[],
  release: () => Promise<void>,
): Promise<OpenPlugin> {
  const instance = toInstance(definition, parameters);
  await configure(session, instance, definition.type, parameters);
  let snapshot: EndpointSnapshot | undefined;
  const learn = async (next: EndpointSnapshot) => {
    if (next === snapshot) return;
    snapshot = next;
    session.publish(next);
    const endMs = performance.now() + setupMs;
    while (session.ackedRev !== next.rev && performance.now() < endMs) await turn();
  };
  return {
    async ask(call: CycleCall, arrays) {
      await learn(call.snapshot);
      if (definition.kind === "scorer") await session.score(instance, call, arrays[0]!);
      else await session.produce(instance, call, arrays);
      if (broken[0] !== undefined) throw broken[0];
    },
    async feedback(event) {
      while (!session.feedback([{ instance: instance.id, event }], 0)) await turn();
      await session.ping(setupMs);
    },
    drain: () => session.drain(setupMs),
    async restore(handoff) {
      await session.hello({ ...testHost, handoff: Uint8Array.from(handoff) }, setupMs);
    },
    async close() {
      session.close();
      await release();
    },
  };
}

function toInstance(definition: AnyDefinition, parameters: unknown): WireInstance {
  const granted = toNeeds(definition, parameters);
  const produces = definition.kind === "producer" ? definition.produces : [];
  const data = [...new Set([...granted.map(({ key }) => key), ...produces])].filter((key) => key.startsWith("data."));
  const numbered = data.map((key, i) => ({ id: firstDataId + i, key }));
  return { id: 1, name: definition.type, granted, data: numbered, produces };
}

const testHost = { host: "outrider-testing", hostInstance: "testing", features: ["cancel", "handoff"] };

/** Numbers of data; columns count from 1 and are fewer. */
const firstDataId = 1000;

async function configure(session: SessionClient, instance: WireInstance, type: string, parameters: unknown) {
  await session.hello(testHost, setupMs);
  const columns = instance.granted
    .filter(({ key }) => isColumn(key))
    .map(({ key }, i) => ({ id: i + 1, key, unit: "" }));
  const configJson = parameters === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(parameters));
  const wanted = {
    id: instance.id,
    type,
    configJson,
    granted: instance.granted.map(toWireNeed),
    data: instance.data.map(({ id, key }) => ({ id, key, unit: "" })),
  };
  const { errors } = await session.configure({ instances: [wanted], columns }, setupMs);
  if (errors.length === 0) return;
  const faults = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  throw new OutriderError("CONFIG_INVALID", `parameters of ${type}: ${faults}`);
}

function isColumn(key: string): boolean {
  return Object.hasOwn(columnKeys, key) || key.startsWith("metric.") || key.startsWith("rate.");
}
