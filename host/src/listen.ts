import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/**
 * Has a server listen.
 * @param host an address of this machine; empty = all interfaces.
 * @param port 0 = any free one.
 * @throws the error of `listen`; errors of a server that listens are none of anybody's request, and dropped.
 */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  server.listen({ port, ...(host === "" ? {} : { host }) });
  await once(server, "listening");
  server.on("error", () => {});
  return server.address() as AddressInfo;
}
