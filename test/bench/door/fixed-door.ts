import { createExtProcMetrics, createExtProcServer, Registry, type Routed } from "@outrider/host";

/** The ext_proc door alone: its scheduler sends everything to one endpoint at once. Prints its address. */
const routed: Routed = {
  kind: "routed",
  decisionId: "fixed",
  destinations: ["127.0.0.1:8000"],
  setHeaders: [],
  removeHeaders: [],
  setResponseHeaders: [],
  observation: "full",
  rewrite: undefined,
  scores: [],
  responseHeaders() {},
  responseChunk() {},
  report() {},
  reports: () => [],
  end() {},
  letGo() {},
};
const server = createExtProcServer({
  scheduler: { decide: () => routed },
  metrics: createExtProcMetrics(new Registry()),
  tls: undefined,
  health: undefined,
});
const { port } = await server.listen("127.0.0.1", 0);
console.log(`127.0.0.1:${port}`);
process.stdin.on("end", () => process.exit(0)).resume();
