import { createExtProcServer, type ExtProcServerOptions, type Scheduler } from "@outrider/host";
import { connectExtProc, type ExtProcClient } from "../../clients/ext-proc.ts";

/** The host's real ext_proc door on loopback, and a gateway that is connected to it. */
export interface OpenDoor {
  readonly client: ExtProcClient;
  close(): Promise<void>;
}

/** What the door is opened with besides its scheduler. */
export interface DoorSetup {
  readonly metrics?: ExtProcServerOptions["metrics"];
  /** Whether the headers of conformance suites are obeyed; default not. */
  readonly conformance?: boolean;
}

const uncounted: ExtProcServerOptions["metrics"] = {
  connectionRefused() {},
  opened() {},
  closed() {},
  refused() {},
};

/** Opens the door in front of a scheduler, in plaintext on any free port. */
export async function openDoor(
  scheduler: Scheduler,
  { metrics = uncounted, conformance = false }: DoorSetup = {},
): Promise<OpenDoor> {
  const server = createExtProcServer({ scheduler, metrics, tls: undefined, health: undefined, conformance });
  const { port } = await server.listen("127.0.0.1", 0);
  const client = connectExtProc(`127.0.0.1:${port}`);
  return {
    client,
    async close() {
      void client.close();
      await server.close();
    },
  };
}
