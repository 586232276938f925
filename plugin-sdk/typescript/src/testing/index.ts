export * from "@outrider/transport/testing";
export { childProcess } from "./child-process.ts";
export { local } from "./local.ts";
export { connectLoopback, loopback } from "./loopback.ts";
export type { OpenProducer, OpenScorer, PluginOpener } from "./open-plugin.ts";
export * from "./scorer-contract.ts";
