import { fromBinary } from "@bufbuild/protobuf";
import { SessionRequestSchema, SessionResponseSchema } from "@outrider/protos/scorer";
import { afterEach, describe, expect, it } from "vitest";
import { createTestHost, plugin, scripted, type TestHost, until } from "./fixtures/harness.ts";
import type { PluginRuntime } from "./types.ts";

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

/** What a listener has seen so far: kind of each frame, and its time. */
function listen(runtime: PluginRuntime) {
  const frames: { readonly kind: string; readonly atMs: number; readonly isFull: boolean }[] = [];
  const end = runtime.tap(({ direction, message, atMs }) => {
    const schema = direction === "sent" ? SessionRequestSchema : SessionResponseSchema;
    const { frame } = fromBinary(schema, message);
    const isFull = frame.case === "state" && frame.value.full;
    frames.push({ kind: `${direction} ${frame.case}`, atMs, isFull });
  });
  return { frames, end, kinds: () => frames.map(({ kind }) => kind) };
}

describe("a listener to the frames of plugins", { timeout: 40_000 }, () => {
  it("is shown at once how an open connection began, with the times of then, and the whole table", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [scripted()] });
    await host.runtime.start(15_000);
    const { outcome, runtime, table, publish } = host;
    await outcome("mine");
    const sinceMs = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { frames, kinds } = listen(runtime);
    const opening = ["sent hello", "received hello", "sent configure", "received configured"];
    expect(kinds()).toEqual([...opening, "sent state"]);
    expect(frames.map(({ atMs }) => atMs <= sinceMs)).toEqual([true, true, true, true, false]);
    expect(frames.at(-1)?.isFull).toBe(true);
    table.remove("vllm-1");
    publish();
    expect([...(await outcome("mine")).scores]).toEqual([1 / 64, 3 / 64]);
    expect(frames.filter(({ kind, isFull }) => kind === "sent state" && !isFull)).toHaveLength(1);
  });

  it("that comes first sees no more of one that comes later than the table, and nothing once it has ended", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [scripted()] });
    const first = listen(host.runtime);
    await host.runtime.start(15_000);
    const before = first.kinds().length;
    const second = listen(host.runtime);
    expect(first.kinds().slice(before)).toEqual(["sent state"]);
    first.end();
    const seen = first.frames.length;
    await host.outcome("mine");
    expect(first.frames).toHaveLength(seen);
    expect(second.kinds()).toContain("received scores");
  });

  it("sees a connection that is broken on purpose begin anew, with the same process", async () => {
    host = await createTestHost({ specs: [plugin("mine")], processes: [scripted()] });
    await host.runtime.start(15_000);
    const { runtime, status, reach } = host;
    const { pid } = status("mine");
    const { frames } = listen(runtime);
    runtime.reconnect("nobody");
    runtime.reconnect("team");
    const hellos = () => frames.filter(({ kind }) => kind === "received hello").length;
    await until(
      () => hellos() === 2,
      () => `${hellos()} hellos`,
    );
    await reach("mine", "active");
    expect(status("mine")).toMatchObject({ pid, restarts: 0 });
  });
});
