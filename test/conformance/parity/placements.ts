import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type AnyDefinition, toNeedsBesides } from "@outrider/core";
import type { createPluginRuntime, PluginCatalogue } from "@outrider/host";
import { parametersFor } from "../../clients/needed-parameters.ts";
import { everythingGrants } from "./fixtures/everything.ts";

type RuntimeOptions = Parameters<typeof createPluginRuntime>[0];
/** One configured plugin, as the host has it. */
export type PluginSpec = RuntimeOptions["specs"][number];
/** One process, as the host has it. */
export type ProcessSpec = RuntimeOptions["processes"][number];

/** Where the same plugins run; the first is what the others are compared with. */
export const placements = ["inline", "worker", "process", "remote"] as const satisfies PluginSpec["placement"][];

/** One of them. */
export type Placement = (typeof placements)[number];

/** All types of a catalogue in all placements, with what they need to run. */
export interface Fleet {
  readonly specs: readonly PluginSpec[];
  readonly processes: readonly ProcessSpec[];
  /** Breaks the connections of all processes, which go on. */
  dropConnections(): Promise<void>;
  /** Ends what was started. */
  close(): void;
}

const preload = new URL("./fixtures/drop-connections.ts", import.meta.url).href;

/** Name of a type's plugin in a placement. */
export function nameOf(type: string, placement: Placement): string {
  return `${type}/${placement}`;
}

/** @param folder for sockets. Children that a remote placement reaches are started here, the others by the host. */
export async function createFleet(catalogue: PluginCatalogue, folder: string): Promise<Fleet> {
  const mains = [...new Set(Object.values(catalogue).map(({ main }) => main))];
  const sockets: string[] = [];
  const children: ChildProcess[] = [];
  const processes: ProcessSpec[] = [];
  const commandOf = (main: string) => ["--import", preload, main];
  const dropSocket = () => {
    sockets.push(join(folder, `drop-${sockets.length}`));
    return sockets.at(-1)!;
  };
  for (const [i, main] of mains.entries()) {
    const command = [process.execPath, ...commandOf(main)];
    const env = { DROP_SOCKET: dropSocket() };
    processes.push({ name: `process-${i}`, kind: "command", command, cwd: tmpdir(), env });
    const port = await freePort();
    const remoteEnv = { PATH: process.env.PATH ?? "", PORT: String(port), DROP_SOCKET: dropSocket() };
    children.push(spawn(process.execPath, commandOf(main), { env: remoteEnv, stdio: ["ignore", "ignore", "inherit"] }));
    processes.push({ name: `remote-${i}`, kind: "url", url: `h2c://127.0.0.1:${port}`, env: {} });
  }
  const types = await Promise.all(
    Object.values(catalogue).map(async ({ load, main }) => ({ definition: await load(), main })),
  );
  const specs = placements.flatMap((placement) =>
    types.map(({ definition, main }) => toSpec(definition, placement, `${placement}-${mains.indexOf(main)}`)),
  );
  return {
    specs,
    processes,
    dropConnections: async () => void (await Promise.all(sockets.map(knock))),
    close() {
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

function toSpec(definition: AnyDefinition, placement: Placement, process: string): PluginSpec {
  const { type } = definition;
  const parameters = parametersFor(type);
  const isLocal = placement === "inline" || placement === "worker";
  return {
    name: nameOf(type, placement),
    type,
    placement,
    process: isLocal ? undefined : process,
    parameters,
    budgetMs: 60_000,
    needs: toNeedsBesides(definition, parameters),
    grant: everythingGrants,
    required: true,
    path: `plugins.${type}`,
  };
}

/** Connects to a socket and waits until the other side has done what that stands for. */
async function knock(path: string): Promise<void> {
  const socket = connect(path);
  socket.resume();
  await once(socket, "close");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** The plugins of the catalogue, and two whose answers depend on all that a plugin can see. */
export function withEverything(
  catalogue: PluginCatalogue,
  types: readonly { readonly type: string }[],
): PluginCatalogue {
  const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const added = types.map((definition) => {
    const load = async () => definition as Awaited<ReturnType<PluginCatalogue[string]["load"]>>;
    const [main, module] = [pathOf("./fixtures/everything-main.ts"), pathOf("./fixtures/everything.ts")];
    return [definition.type, { load, main, module }] as const;
  });
  return { ...catalogue, ...Object.fromEntries(added) };
}
