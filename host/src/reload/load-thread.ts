/** Runs in a thread of its own: see {@link loadInThread}. */
import { parentPort, workerData } from "node:worker_threads";
import { loadConfig } from "../config/load.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import type { LoadQuestion } from "./load-in-thread.ts";

const { raw, catalogue } = workerData as LoadQuestion;
const { plugins } = (await import(catalogue)) as { readonly plugins: PluginCatalogue };
parentPort?.postMessage(await loadConfig(raw, plugins));
