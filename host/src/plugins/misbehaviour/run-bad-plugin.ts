import { afterEach, expect } from "vitest";
import {
  createTestHost,
  plugin,
  quick,
  scripted,
  type TestHost,
  type TestHostOptions,
  until,
} from "../fixtures/harness.ts";
import { inlineCatalogue } from "../fixtures/inline-definitions.ts";

/** Processes take their time on a busy machine. */
export const slow = { timeout: 60_000 };

/** Hosts of the test that runs; they are closed behind it. */
const hosts: TestHost[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

/** What a test may choose. */
export interface BadPluginOptions extends Partial<TestHostOptions> {
  /** How long the start waits. */
  readonly startMs?: number;
  /** Budget of `mine`. */
  readonly budgetMs?: number;
}

/** A host with the plugin `mine`, which misbehaves, and one named `other`, which does not. */
export async function runBadPlugin(
  env: Record<string, string>,
  { startMs = 15_000, budgetMs = 500, ...options }: BadPluginOptions = {},
): Promise<TestHost> {
  const other = plugin("other", { type: "listener", placement: "inline", process: undefined });
  const host = await createTestHost({
    specs: [plugin("mine", { budgetMs }), other],
    processes: [scripted(env)],
    catalogue: inlineCatalogue,
    ...options,
    timing: { ...quick, ...options.timing },
  });
  hosts.push(host);
  await host.runtime.start(startMs);
  return host;
}

/** Decides one request by both plugins: it is decided, by the well-behaved one, within the budget and little more. */
export async function expectDecided({ decide }: TestHost, budgetMs = 500) {
  const started = performance.now();
  const { profiles, destination } = await decide(["mine", "other"], { budgetMs });
  const [mine, other] = profiles[0]!.scorers;
  expect([destination.length, other!.kind]).toEqual([1, "scored"]);
  // Ten times what is due: the machine may be busy.
  expect(performance.now() - started).toBeLessThan(10 * budgetMs);
  return mine!;
}

/** Value of a counter of the plugin or its process; 0 where it was never counted. */
export async function counted({ registry }: TestHost, metric: string): Promise<number> {
  const text = await registry.getSingleMetricAsString(metric);
  const line = text.split("\n").find((line) => /\{(plugin="mine"|process="team")[^}]*\} /.test(line));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ") + 1));
}

/** Waits until no process of the plugin is left. */
export function processEnded({ status }: TestHost): Promise<void> {
  return until(
    () => status("mine").pid === undefined,
    () => "the process lives on",
  );
}
