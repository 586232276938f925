import { createExtProcMetrics, createExtProcServer, Registry } from "@outrider/host";
import { openPool } from "./pool-table.ts";

/** The real ext_proc door, scheduler and cycle over a table of so many endpoints. Prints its address. */
const host = await openPool(Number(process.argv[2]));
const server = createExtProcServer({
  scheduler: host.scheduler,
  metrics: createExtProcMetrics(new Registry()),
  tls: undefined,
  health: undefined,
});
const { port } = await server.listen("127.0.0.1", 0);
console.log(`127.0.0.1:${port}`);
process.stdin.on("end", () => process.exit(0)).resume();
