import { createExtProcServer, type ExtProcServerOptions, type Scheduler } from "@outrider/host";
import { connectExtProc, type ExtProcClient } from "../../clients/ext-proc.ts";

/** The host's real ext_proc door on loopback, and a gateway that is connected to it. */
export interface OpenDoor {
  readonly client: ExtProcClient;
  close(): Promise<void>;
}

const uncounted: ExtProcServerOptions["metrics"] = { opened() {}, closed() {}, refused() {} };

/** Opens the door in front of a scheduler, in plaintext on any free port. */
export async function openDoor(scheduler: Scheduler, metrics = uncounted): Promise<OpenDoor> {
  const server = createExtProcServer({ scheduler, metrics, tls: undefined, health: undefined });
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
