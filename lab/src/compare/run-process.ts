import type { PluginCatalogue } from "@outrider/host";
import type { Job } from "./job.ts";
import { runJob } from "./run-job.ts";
import type { RunAnswer } from "./run-pool.ts";

/**
 * A process that makes runs, one after the other, as its parent tells it. Its argument is the URL of the module that
 * exports the built-in plugin types as `plugins`.
 */
const [module = ""] = process.argv.slice(2);
const { plugins } = (await import(module)) as { readonly plugins: PluginCatalogue };

process.on("SIGINT", () => undefined); // Ctrl-C reaches the whole group: the parent says what ends
process.on("disconnect", () => process.exit());
process.on("message", (job: Job) => void answer(job));
process.send?.({ kind: "ready" } satisfies RunAnswer);

async function answer(job: Job): Promise<void> {
  try {
    process.send?.({ kind: "made", summary: await runJob(job, plugins) } satisfies RunAnswer);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    process.send?.({ kind: "failed", message } satisfies RunAnswer);
  }
}
