import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import { openReload, type Reload, toText } from "../reload/fixtures/open-reload.ts";
import { type AdminTestClient, openAdmin } from "./fixtures/open-admin.ts";

let reload: Reload | undefined;
afterEach(async () => {
  await reload?.close();
  reload = undefined;
});

/** An admin interface over a configuration that can be changed. */
async function open() {
  const opened = await openReload();
  reload = opened;
  const { changes, weights } = opened;
  const configs = {
    reload: (cause: "admin" | "signal") => changes.reload(cause),
    rollback: (generation: number) => changes.rollback(generation),
    get refused() {
      return changes.refused;
    },
    get history() {
      return changes.history;
    },
    weights,
  };
  return { reload: opened, client: (await openAdmin({ configs })).client };
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  return call.then(
    () => undefined,
    (cause: unknown) => ConnectError.from(cause).code,
  );
}

describe("the admin interface, asked about the configuration,", () => {
  it("shows the one in force, with what its text left out left out", async () => {
    const { client } = await openAdmin();
    expect(await client.getConfig({})).toMatchObject({
      generation: 3,
      source: "epp.yaml",
      text: "env: { TOKEN: *** }\n",
      sha256: "00ff",
      loadedAtMs: 1_700_000_000_000,
      cause: "start",
    });
  });

  const vain: readonly { title: string; ask: (client: AdminTestClient) => Promise<unknown>; code: Code }[] = [
    { title: "a generation that is not kept", ask: (c) => c.getConfig({ generation: 9 }), code: Code.NotFound },
    { title: "a rollback in the beginning", ask: (c) => c.rollbackConfig({}), code: Code.NotFound },
    { title: "a rollback to nothing", ask: (c) => c.rollbackConfig({ generation: 9 }), code: Code.NotFound },
    {
      title: "weights of a profile that is not there",
      ask: (c) => c.setWeights({ profile: "x", weights: { queue: 1 }, ttlMs: 1_000 }),
      code: Code.InvalidArgument,
    },
    {
      title: "weights without a time",
      ask: (c) => c.setWeights({ profile: "default", weights: { queue: 1 } }),
      code: Code.InvalidArgument,
    },
  ];
  for (const { title, ask, code } of vain) {
    it(`refuses ${title}`, async () => expect(await codeOf(ask((await open()).client))).toBe(code));
  }

  it("reloads, rolls back and lists what was in force", async () => {
    const { reload, client } = await open();
    reload.put(toText("budget: 7ms"));
    expect(await client.reloadConfig({})).toMatchObject({ generation: 2, unchanged: false });
    expect(await client.reloadConfig({})).toMatchObject({ generation: 2, unchanged: true });
    expect(await client.rollbackConfig({})).toMatchObject({ generation: 3, rollbackOf: 1 });
    const { configs } = await client.listConfigs({});
    expect(configs.map(({ generation, cause, rollbackOf }) => [generation, cause, rollbackOf])).toEqual([
      [3, "rollback", 1],
      [2, "admin", 0],
      [1, "start", 0],
    ]);
    expect((await client.getConfig({ generation: 2 })).text).toBe(toText("budget: 7ms"));
  });

  it("says what is wrong with a configuration that it refuses, and shows it until another is fine", async () => {
    const { reload, client } = await open();
    reload.put(toText("budgett: 7ms"));
    const error = await client.reloadConfig({}).catch((cause: unknown) => ConnectError.from(cause));
    expect(error).toMatchObject({ code: Code.FailedPrecondition });
    expect((error as ConnectError).rawMessage).toMatch(/^epp\.yaml:9:1 budgett: /);
    const { generation, refused } = await client.getConfig({});
    expect(generation).toBe(1);
    expect(refused).toMatchObject({ cause: "admin", source: "epp.yaml", faults: [{ line: 9, column: 1 }] });
    expect(Math.abs(Date.now() - refused!.atMs)).toBeLessThan(60_000);
    reload.put(toText());
    await client.reloadConfig({});
    expect((await client.getConfig({})).refused).toBeUndefined();
  });

  it("sets weights for a while, shows them, and clears them", async () => {
    const { client } = await open();
    const [queue, kv] = (await client.setWeights({ profile: "default", weights: { queue: 0 }, ttlMs: 60_000 })).weights;
    expect(queue).toMatchObject({ profile: "default", scorer: "queue", configured: 1, inForce: 0 });
    expect(queue!.endsAtMs).toBeGreaterThan(Date.now());
    expect(kv).toMatchObject({ scorer: "kv", configured: 2, inForce: 2, endsAtMs: 0 });
    expect((await client.getConfig({})).weights).toEqual([queue, kv]);
    expect((await client.clearWeights({})).weights.map(({ inForce }) => inForce)).toEqual([1, 2]);
  });
});
