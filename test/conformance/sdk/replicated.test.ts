import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEndpointTable } from "@outrider/core";
import { createLog, createPluginRuntime, Registry, systemClock } from "@outrider/host";
import { serve } from "@outrider/plugin-sdk";
import { fakeCall } from "@outrider/transport/testing";
import { plugins } from "outrider/plugins";
import { expect, it, onTestFinished } from "vitest";

it("a plugin of the TypeScript SDK that is reached by single calls is kept in step and asked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "op-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const definition = await plugins["queue-scorer"]!.load();
  const served = await serve(definition, { port: 0, environment: {}, log: () => {} });
  onTestFinished(() => served.close());
  const table = createEndpointTable({ epoch: 7 });
  const log = createLog(0);
  log.level = "silent";
  const spec = {
    name: "queue",
    type: "queue-scorer",
    placement: "remote",
    process: "far",
    path: "plugins[0]",
  } as const;
  const runtime = await createPluginRuntime({
    specs: [{ ...spec, parameters: undefined, budgetMs: 5_000, needs: undefined, grant: [], required: true }],
    processes: [{ name: "far", kind: "url", url: `http://127.0.0.1:${served.port}`, env: {} }],
    catalogue: plugins,
    host: { instance: "host-1", version: "0.0.0" },
    socketDir: folder,
    table,
    clock: systemClock,
    log,
    registry: new Registry(),
    decisionBudgetMs: 5_000,
  });
  onTestFinished(() => runtime.stop());
  table.onPublish((snapshot, change) => runtime.publish(snapshot, change));
  for (const [i, waiting] of [0, 5, 10].entries()) {
    const slot = table.upsert({ id: `vllm-${i}`, address: `10.0.0.${i}:8000`, labels: {} });
    table.setValue(slot, "waiting_requests", waiting, 1000);
  }
  table.publish(1000);
  await runtime.start(10_000);
  expect(runtime.status()[0]).toMatchObject({ state: "active", profile: "replicated" });
  const ask = async () => {
    await expect.poll(() => runtime.status()[0]!.revLag, { timeout: 10_000 }).toBe(0);
    const scores = new Float32Array(table.current.live.length).fill(Number.NaN);
    await runtime.scorer("queue").score(fakeCall({ pool: table.current }), scores);
    return [...scores];
  };
  expect(await ask()).toEqual([1, 0.5, 0]);
  table.remove("vllm-1");
  table.setValue(0, "waiting_requests", 20, 2000);
  table.publish(2000);
  expect(await ask()).toEqual([0, 1]);
});
