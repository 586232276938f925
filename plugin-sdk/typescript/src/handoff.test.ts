import { maxHandoffBytes } from "@outrider/core/contract";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineScorer } from "./define.ts";
import { configured, connect, json, serverOf } from "./fixtures/test-session.ts";
import { type HandoffEntry, matchHandoff, packHandoff, unpackHandoff } from "./handoff.ts";

const entry = (id: number, type: string, configJson: string, ...state: number[]): HandoffEntry => ({
  id,
  type,
  configJson,
  state: Uint8Array.from(state),
});
const never = () => expect.unreachable();

describe("a state that was handed over in another form", () => {
  const cases = [
    { title: "too short", bytes: [1, 2] },
    { title: "with a header that is cut off", bytes: [200, 0, 0, 0, 123] },
    { title: "with a header that is no JSON", bytes: [2, 0, 0, 0, 65, 66] },
    { title: "of another version", bytes: frame('{"version":2,"instances":[]}') },
    {
      title: "with less state than announced",
      bytes: frame('{"version":1,"instances":[{"id":1,"type":"t","bytes":9}]}'),
    },
    { title: "without instances", bytes: frame('{"version":1}') },
  ];
  for (const { title, bytes } of cases) {
    it(`${title} is refused`, () => {
      expect(() => unpackHandoff(Uint8Array.from(bytes))).toThrow(/not of this SDK's form/);
    });
  }

  it("is no reason to serve nobody", async () => {
    const { definition, restored } = counting();
    const log: string[] = [];
    const plugin = await configured(definition, { server: serverOf([definition], log) });
    await plugin.session.hello({ hostInstance: "host", handoff: Uint8Array.of(9, 9) });
    expect([restored, log.length]).toEqual([[], 1]);
  });
});

describe("what instances have learned", () => {
  it("is packed and unpacked as it was", () => {
    const entries = [entry(1, "a", '{"é":1}', 1, 2, 3), entry(7, "b", "")];
    expect(unpackHandoff(packHandoff(entries, never))).toEqual(entries);
    expect(packHandoff([], never)).toHaveLength(0);
    expect(unpackHandoff(new Uint8Array(0))).toEqual([]);
  });

  it("is dropped where there is no room, and the others are kept", () => {
    const large = { ...entry(1, "large", ""), state: new Uint8Array(maxHandoffBytes - 100) };
    const small = entry(2, "small", "", 1);
    const second = { ...large, id: 3 };
    const dropped: number[] = [];
    const packed = packHandoff([large, second, small], ({ id }) => void dropped.push(id));
    expect(packed.length).toBeLessThanOrEqual(maxHandoffBytes);
    expect(unpackHandoff(packed).map(({ id }) => id)).toEqual([1]);
    expect(dropped).toEqual([3, 2]);
  });

  it("goes to the instance of the same type and parameters, else of the same type and number, once", () => {
    const entries = [entry(1, "a", "{}", 1), entry(2, "a", "{}", 2), entry(3, "a", '{"x":1}', 3), entry(4, "b", "", 4)];
    const wanted = [
      { id: 9, type: "a", configJson: '{"x":1}' },
      { id: 2, type: "a", configJson: "{}" },
      { id: 8, type: "a", configJson: "{}" },
      { id: 4, type: "b", configJson: '{"y":2}' },
      { id: 3, type: "a", configJson: "other" },
    ];
    const got = matchHandoff(entries, wanted).map(([{ id }, state]) => [id, state[0]]);
    expect(new Map(got as [number, number][])).toEqual(
      new Map([
        [2, 2],
        [8, 1],
        [9, 3],
        [4, 4],
      ]),
    );
  });

  it("goes from a plugin that is drained to its successor, whenever it comes, and once", async () => {
    const before = counting();
    const old = await configured(before.definition, { parameters: { start: 5 } });
    const handoff = await old.session.drain(5_000);
    const after = counting();
    const next = await configured(after.definition, { parameters: { start: 5 } });
    const hello = await next.session.hello({ hostInstance: "host", handoff: Uint8Array.from(handoff) });
    expect(hello.features).toContain("handoff");
    await next.session.hello({ hostInstance: "host", handoff: Uint8Array.from(handoff) });
    expect(after.restored).toEqual([5]);
  });

  it("that comes before the instances are made waits for them", async () => {
    const before = counting();
    const handoff = await (await configured(before.definition)).session.drain(5_000);
    const after = counting();
    const server = serverOf([after.definition]);
    const session = connect(server);
    await session.hello({ hostInstance: "h", handoff: Uint8Array.from(handoff) });
    expect(after.restored).toEqual([]);
    await session.configure({ instances: [{ id: 1, type: "test" }] });
    expect(after.restored).toEqual([0]);
  });

  it("is none where a hook fails, which is logged", async () => {
    const definition = defineScorer({
      type: "test",
      category: "affinity",
      state: "local",
      needs: [],
      config: z.unknown(),
      create: () => ({
        score: () => {},
        handoff() {
          throw new Error("disk full");
        },
      }),
    });
    const plugin = await configured(definition);
    expect(await plugin.session.drain(5_000)).toHaveLength(0);
    expect(plugin.log).toEqual(["test: handoff failed: disk full"]);
  });
});

function frame(header: string): number[] {
  return [header.length, 0, 0, 0, ...Buffer.from(header)];
}

/** A scorer whose state is one number. */
function counting() {
  const restored: number[] = [];
  const definition = defineScorer({
    type: "test",
    category: "affinity",
    state: "local",
    needs: [],
    config: z.object({ start: z.number().default(0) }),
    create: ({ start }) => ({
      score: () => {},
      handoff: () => json(start),
      restore: (state) => void restored.push(JSON.parse(Buffer.from(state).toString())),
    }),
  });
  return { definition, restored };
}
