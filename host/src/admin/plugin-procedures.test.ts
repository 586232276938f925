import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { type AdminTestClient, openAdmin } from "./fixtures/open-admin.ts";

describe("the admin interface, asked about plugins,", () => {
  it("lists plugins with what the configuration says of them", async () => {
    const { client } = await openAdmin();
    const { plugins } = await client.listPlugins({ names: ["even"] });
    expect(plugins).toHaveLength(1);
    expect(plugins[0]).toMatchObject({
      name: "even",
      process: "team",
      state: "backoff",
      profile: "session",
      pid: 77,
      restarts: 2,
      generation: 4,
      pluginVersion: "1.2.3",
      calls: { scored: 5, late: 1 },
      callDuration: { p50Us: 400, p99Us: 900 },
      resyncs: 1,
      fallbacks: 3,
      events: [{ atMs: 9, generation: 4, from: "active", to: "backoff", message: "gone" }],
      budgetUs: 2_000,
      required: true,
      granted: ["waiting_requests"],
    });
    expect((await client.listPlugins({})).plugins.map(({ name }) => name)).toEqual(["even", "picky"]);
  });

  it("tells how an upgraded process compares with the one before", async () => {
    const durations = { p50Us: 200, p99Us: 500 };
    const { client } = await openAdmin({
      upgrade: async () => ({
        name: "team",
        generation: 2,
        calls: 200,
        agreement: 0.5,
        before: durations,
        after: durations,
      }),
    });
    const answer = await client.upgradePlugin({ name: "even" });
    expect(answer).toMatchObject({
      process: "team",
      generation: 2,
      shadowCalls: 200,
      agreement: 0.5,
      after: durations,
    });
  });

  it("leaves out what no call has shown", async () => {
    const { client } = await openAdmin({
      upgrade: async () => ({
        name: "team",
        generation: 2,
        calls: 0,
        agreement: NaN,
        before: undefined,
        after: undefined,
      }),
    });
    const { agreement, before: old } = await client.upgradePlugin({ name: "team" });
    expect([agreement, old]).toEqual([undefined, undefined]);
  });

  const vain = [
    {
      title: "an upgrade of what is not there",
      ask: (c: AdminTestClient) => c.upgradePlugin({ name: "x" }),
      code: Code.NotFound,
    },
    {
      title: "an upgrade that fails",
      ask: (c: AdminTestClient) => c.upgradePlugin({ name: "even" }),
      code: Code.FailedPrecondition,
    },
    {
      title: "the release of what is not there",
      ask: (c: AdminTestClient) => c.releasePlugin({ name: "x" }),
      code: Code.NotFound,
    },
    {
      title: "the release of what was not given up",
      ask: (c: AdminTestClient) => c.releasePlugin({ name: "picky" }),
      code: Code.FailedPrecondition,
    },
  ];
  for (const { title, ask: call, code } of vain) {
    it(`refuses ${title}`, async () => {
      const error = await call((await openAdmin()).client).then(
        () => undefined,
        (cause: unknown) => ConnectError.from(cause),
      );
      expect(error?.code).toBe(code);
    });
  }

  it("releases a plugin", async () => {
    const { client } = await openAdmin();
    expect(await client.releasePlugin({ name: "even" })).toBeDefined();
  });

  it("streams frames behind a header, as many as asked for, and hears no more then", async () => {
    const { client, listeners } = await openAdmin();
    const seen: (string | undefined)[] = [];
    for await (const { record } of client.watchFrames({ limit: 2 })) {
      seen.push(record?.entry.case);
      for (const listen of listeners) {
        listen({ process: "team", generation: 1, atMs: 1, direction: "sent", message: new Uint8Array(0) });
      }
    }
    expect(seen).toEqual(["header", "frame", "frame"]);
    expect(listeners.size).toBe(0);
  });

  it("refuses frames of a process that is not there", async () => {
    const { client } = await openAdmin();
    const first = client
      .watchFrames({ processes: ["x"] })
      [Symbol.asyncIterator]()
      .next();
    await expect(first).rejects.toMatchObject({ code: Code.NotFound });
  });
});
