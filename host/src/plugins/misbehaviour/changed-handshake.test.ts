import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { plugin, until } from "../fixtures/harness.ts";
import { expectDecided, runBadPlugin, slow } from "./run-bad-plugin.ts";

/** A process whose next start reads what `set` wrote. */
async function run(env: Record<string, string> = {}, options: Parameters<typeof runBadPlugin>[1] = {}) {
  const file = join(tmpdir(), `outrider-settings-${randomUUID()}.json`);
  const host = await runBadPlugin({ SETTINGS: file, ...env }, options);
  const restart = async (settings: Record<string, string>) => {
    writeFileSync(file, JSON.stringify(settings));
    process.kill(-host.status("mine").pid!, "SIGKILL");
    await until(
      () => host.status("mine").restarts === 1,
      () => "it was not started again",
    );
  };
  return { host, restart, set: (settings: Record<string, string>) => writeFileSync(file, JSON.stringify(settings)) };
}

describe("a plugin that says something else after a restart", slow, () => {
  it("fails where it serves its type no more; it is back when it serves it again", async () => {
    const { host, restart } = await run({}, { timing: { shadowMs: 100 } });
    await restart({ TYPES: "news" });
    expect((await host.reach("mine", "failed")).message).toBe("team serves no type slots; it serves news, counts");
    expect((await expectDecided(host)).kind).toBe("failed");
    expect(host.runtime.release("mine")).toBe(true);
    await host.reach("mine", "failed");
  });

  it("fails alone where others of its process are still served; released, it is tried beside them", async () => {
    const specs = [plugin("mine"), plugin("second", { type: "others" })];
    const { host, restart, set } = await run({}, { specs, timing: { shadowMs: 100 } });
    await restart({ TYPES: "others" });
    await host.reach("mine", "failed");
    await host.reach("second", "active");
    set({});
    expect(host.runtime.release("mine")).toBe(true);
    const reached = host.reach("mine", "active");
    while (host.status("mine").state !== "active") {
      expect(await host.outcome("second")).toMatchObject({ kind: "scored" });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await reached).generation).toBe(2);
  });

  it("fails where it cannot do without what it is not granted", async () => {
    const { host, restart } = await run();
    await restart({ NEEDS: "request.prompt_text!" });
    expect((await host.reach("mine", "failed")).message).toMatch(
      /^request.prompt_text is only granted by the operator/,
    );
    expect(host.runtime.granted.map(({ key }) => key)).toEqual(["events.picked"]);
    expect((await expectDecided(host)).kind).toBe("failed");
  });

  it("sees what it asks for now, where that is granted", async () => {
    const { host, restart } = await run();
    await restart({ NEEDS: "request.session_key" });
    await until(
      () => host.status("mine").state === "active" && host.status("mine").granted.join() === "request.session_key",
      () => `it is granted ${host.status("mine").granted}`,
    );
    expect((await expectDecided(host)).kind).toBe("scored");
  });

  it("is another life by its boot id: it is told the counts, not the ends of calls that it does not know", async () => {
    const { host, restart } = await run({ NEEDS: "events.done" });
    const { callId } = await expectDecided(host);
    host.table.inflight.requests[1] = 2;
    await restart({});
    await host.reach("mine", "active");
    const done = {
      kind: "done",
      slot: 1,
      atMs: 1,
      cause: "ok",
      status: 200,
      promptTokens: 0,
      cachedTokens: 0,
    } as const;
    host.runtime.scorer("mine").feedback!({ ...done, callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 });
    await until(
      () => host.traced().some(({ inflight }) => JSON.stringify(inflight) === "[[1,2]]"),
      () => "no counts arrived",
    );
    expect(host.traced().some(({ event }) => event === "done")).toBe(false);
  });
});
