import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createTestHost, plugin, type TestHost } from "./fixtures/harness.ts";
import type { ProcessSpec } from "./types.ts";

let host: TestHost | undefined;

afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** A first-party family as a process, named after its folder. */
function family(name: string): ProcessSpec {
  const main = fileURLToPath(new URL(`../../../plugins/${name}/src/main.ts`, import.meta.url));
  return { name, kind: "command", command: [process.execPath, main], cwd: tmpdir(), env: {} };
}

describe("a first-party family as a process", { timeout: 40_000 }, () => {
  it("rates by the state it is kept in step with, and by what is in flight", async () => {
    const specs = [
      plugin("queue", { type: "queue-scorer", process: "load" }),
      plugin("active", { type: "active-request-scorer", process: "load" }),
    ];
    host = await createTestHost({ specs, processes: [family("load")] });
    await host.runtime.start(30_000);
    const scores = async () =>
      (await host!.decide(["queue", "active"])).profiles[0]!.scorers.map((scorer) => [...scorer.scores]);
    expect(await scores()).toEqual([
      [1, 0.5, 0],
      [1, 1, 1],
    ]);
    host.table.setValue(0, "waiting_requests", 4, Date.now());
    host.table.inflight.requests[1] = 2;
    host.publish();
    expect(await scores()).toEqual([
      [0, 1, Math.fround(2 / 3)],
      [1, 0, 1],
    ]);
  });

  it("is sent what its parameters name besides what it asks for itself", async () => {
    const normalization = { adaptiveRange: {} };
    const parameters = {
      attributeKey: "WaitingQueueSize",
      algorithm: { type: "linear_higher_is_better", normalization },
    };
    const place = { type: "endpoint-attribute-scorer", process: "endpoint-attribute", parameters };
    const specs = [plugin("named", { ...place, needs: [{ key: "waiting_requests" }] })];
    host = await createTestHost({ specs, processes: [family("endpoint-attribute")] });
    await host.runtime.start(30_000);
    const [scorer] = (await host.decide(["named"])).profiles[0]!.scorers;
    expect([...scorer!.scores]).toEqual([0, 0.5, 1]);
  });

  it("is refused what its configuration does not grant, and serves where it does", async () => {
    const grant = [{ key: "request.block_hashes" }] as const;
    const specs = [
      plugin("blind", { type: "prefix-cache", process: "prefix-cache" }),
      plugin("prefix", { type: "prefix-cache", process: "prefix-cache", path: "plugins[1]", grant }),
    ];
    host = await createTestHost({ specs, processes: [family("prefix-cache")] });
    await host.runtime.start(30_000);
    expect(host.status("blind")).toMatchObject({ state: "failed", message: expect.stringContaining("plugins[0]") });
    expect(host.status("prefix")).toMatchObject({ state: "active", profile: "session" });
    expect(await host.outcome("prefix")).toMatchObject({ kind: "abstained" });
  });
});
