import { afterEach, describe, expect, it } from "vitest";
import { openReload, type Reload, toText } from "./fixtures/open-reload.ts";

let reload: Reload;
afterEach(() => reload.close());

const wrong = toText("budgett: 5ms");

describe("changes of the configuration", () => {
  it("put another text in force as the next generation, and tell of it", async () => {
    reload = await openReload();
    reload.put(toText("budget: 7ms"));
    expect(await reload.changes.reload("signal")).toEqual({ kind: "applied", generation: 2 });
    expect([reload.inForce.generation, reload.inForce.plan.budgetMs]).toEqual([2, 7]);
    expect(reload.changes.history.map(({ generation, cause }) => [generation, cause])).toEqual([
      [2, "signal"],
      [1, "start"],
    ]);
    expect(reload.outcomes).toEqual(["applied"]);
  });

  const refusals = [
    { title: "a text with a fault, and say where", text: wrong, line: 9, message: /^epp\.yaml:9:1 budgett: / },
    { title: "a text that is no YAML", text: "plugins: [", line: 1, message: /is not YAML/ },
    { title: "an empty text", text: "", line: 1, message: /epp\.yaml:1:1/ },
  ];
  for (const { title, text, line, message } of refusals) {
    it(`refuse ${title}`, async () => {
      reload = await openReload();
      const { plan } = reload.inForce;
      reload.put(text);
      const result = await reload.changes.reload("admin");
      expect(result).toMatchObject({ kind: "refused", attempt: { cause: "admin", faults: [{ line }] } });
      expect(reload.inForce.plan).toBe(plan);
      expect(reload.changes.refused?.message).toMatch(message);
      expect(reload.logs.map(({ msg }) => msg)).toContain("the configuration before stays in force");
      expect(reload.outcomes).toEqual(["refused"]);
    });
  }

  it("refuse a file that cannot be read, and take it once it can", async () => {
    reload = await openReload();
    expect((await reload.changes.noticed(new Error("ENOENT: gone"))).kind).toBe("refused");
    expect(reload.changes.refused).toMatchObject({ sha256: "", faults: [], message: "cannot be read: ENOENT: gone" });
    expect((await reload.changes.noticed(reload.raw(toText("budget: 7ms")))).kind).toBe("applied");
    expect(reload.changes.refused).toBeUndefined();
  });

  it("forget a refusal when the file says again what is in force", async () => {
    reload = await openReload();
    await reload.changes.noticed(reload.raw(wrong));
    expect(await reload.changes.noticed(reload.raw(toText()))).toEqual({ kind: "unchanged", generation: 1 });
    expect(reload.changes.refused).toBeUndefined();
    expect(reload.outcomes).toEqual(["refused", "unchanged"]);
  });

  it("try a text once that whoever watches found twice", async () => {
    reload = await openReload();
    await reload.changes.noticed(reload.raw(wrong));
    await reload.changes.noticed(reload.raw(wrong));
    expect(reload.outcomes).toEqual(["refused"]);
  });

  it("try a refused text again when somebody asks", async () => {
    reload = await openReload();
    reload.put(wrong);
    await reload.changes.reload("signal");
    await reload.changes.reload("signal");
    expect(reload.outcomes).toEqual(["refused", "refused"]);
  });

  it("come one after the other: what is noticed meanwhile is taken up, the latest alone", async () => {
    let release = () => {};
    let loads = 0;
    reload = await openReload(toText(), () => {
      loads += 1;
      return loads > 1 ? Promise.resolve() : new Promise((resolve) => (release = resolve));
    });
    const first = reload.changes.noticed(reload.raw(toText("budget: 6ms")));
    await expect.poll(() => loads).toBe(1);
    const others = [7, 8, 9].map((ms) => reload.changes.noticed(reload.raw(toText(`budget: ${ms}ms`))));
    release();
    expect(await first).toEqual({ kind: "applied", generation: 2 });
    expect(await Promise.all(others)).toEqual(Array(3).fill({ kind: "applied", generation: 3 }));
    expect([loads, reload.inForce.plan.budgetMs]).toEqual([2, 9]);
  });

  it("keep policies and what scorers said last where the configuration says the same of them", async () => {
    const remembering = (responses: string) => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: ${responses}
plugins:
- { name: queue, type: queue-scorer, onFailure: last_known }
- { name: best, type: max-score-picker }
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue }, { pluginRef: best }] }]
`;
    reload = await openReload(remembering("full"));
    const [before] = reload.inForce.plan.profiles;
    await reload.changes.noticed(reload.raw(remembering("none")));
    const [after] = reload.inForce.plan.profiles;
    expect(after?.scorers[0]?.scorer).toBe(before?.scorers[0]?.scorer);
    const policies = [before, after].map((profile) => profile?.scorers[0]?.onFailure);
    const [last, lastAfter] = policies.map((policy) => (policy?.kind === "last_known" ? policy.last : undefined));
    expect(last).toBeDefined();
    expect(lastAfter).toBe(last);
    expect(after?.picker).toBe(before?.picker);
  });
});

describe("a rollback", () => {
  it("goes to the configuration before as a new generation, and holds until the file changes", async () => {
    reload = await openReload();
    const second = toText("budget: 7ms");
    reload.put(second);
    await reload.changes.noticed(reload.raw(second));
    expect(await reload.changes.rollback(0)).toEqual({ kind: "applied", generation: 3 });
    expect(reload.inForce.plan.budgetMs).toBe(5);
    expect(reload.changes.history[0]).toMatchObject({ generation: 3, cause: "rollback", rollbackOf: 1 });
    expect(await reload.changes.noticed(reload.raw(second))).toEqual({ kind: "unchanged", generation: 3 });
    expect(await reload.changes.noticed(reload.raw(toText("budget: 8ms")))).toEqual({ kind: "applied", generation: 4 });
  });

  it("ends when a reload is asked for", async () => {
    reload = await openReload();
    reload.put(toText("budget: 7ms"));
    await reload.changes.reload("signal");
    await reload.changes.rollback(1);
    expect(await reload.changes.reload("signal")).toEqual({ kind: "applied", generation: 4 });
    expect(reload.inForce.plan.budgetMs).toBe(7);
  });

  it("has nowhere to go in the beginning, nor to what is no longer kept", async () => {
    reload = await openReload();
    expect(await reload.changes.rollback(0)).toMatchObject({
      kind: "absent",
      message: expect.stringContaining("kept: 1"),
    });
    for (let ms = 10; ms < 18; ms++) await reload.changes.noticed(reload.raw(toText(`budget: ${ms}ms`)));
    expect(reload.changes.history.map(({ generation }) => generation)).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
    expect(await reload.changes.rollback(1)).toMatchObject({ kind: "absent" });
    expect(await reload.changes.rollback(9)).toEqual({ kind: "unchanged", generation: 9 });
  });
});
