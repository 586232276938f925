import { describe, expect, it } from "vitest";
import { openReference, someRequest } from "./fixtures/open-reference.ts";
import { createClientLabels, maxLabelSets, maxLabelValues, RequestLabels } from "./request-labels.ts";

const request = { model: "m", targetModel: "t", fairnessId: "f", priority: 0 };
const open = (isConfigured: (model: string) => boolean = () => false) =>
  new RequestLabels(createClientLabels(isConfigured), (labels) => ({ labels }));

describe("what clients choose", () => {
  const cases: readonly { readonly title: string; readonly value: string; readonly want: string }[] = [
    { title: "a byte that is not UTF-8, as headers bring it", value: "a\ufffdb", want: "a\ufffdb" },
    { title: "half a surrogate pair", value: "a\ud800", want: "a\ufffd" },
    { title: "control characters", value: "a\nb\0c", want: "a\ufffdb\ufffdc" },
    { title: "1 MB", value: "x".repeat(1_000_000), want: `${"x".repeat(61)}…` },
    { title: "quotes and backslashes", value: 'a"b\\', want: 'a"b\\' },
  ];
  for (const { title, value, want } of cases) {
    it(`makes a label of ${title}`, () => {
      const { labels } = open().of({ model: value, targetModel: value, fairnessId: value, priority: -1 });
      expect(labels).toEqual([want, want, want, "-1"]);
    });
  }

  it("leaves the page readable, and short", async () => {
    const { observer, registry, families } = openReference();
    const bad = ['a\ufffd\ud800\n"\\', "m".repeat(1_000_000), ""];
    for (const text of bad) observer.sent({ ...someRequest, model: text, targetModel: text, fairnessId: text }, 0);
    expect((await registry.metrics()).length).toBeLessThan(100_000);
    const total = (await families()).find(({ name }) => name === "llm_d_epp_request_total");
    expect(total?.metrics.map(({ value }) => value)).toEqual(["1", "1", "1"]);
  });
});

describe("labels of requests", () => {
  it("are looked up once for requests that say the same", () => {
    const labels = open();
    expect(labels.of({ ...request })).toBe(labels.of({ ...request }));
    expect(labels.of({ ...request, priority: 1 })).not.toBe(labels.of(request));
  });

  it(`give ${maxLabelValues} models series of their own, and the others one`, () => {
    const labels = open();
    const ofModel = (model: string) => labels.of({ ...request, model, targetModel: model }).labels[0];
    for (let i = 0; i < maxLabelValues; i++) expect(ofModel(`m${i}`)).toBe(`m${i}`);
    expect([ofModel("one more"), ofModel("another"), ofModel("m0")]).toEqual(["other", "other", "m0"]);
  });

  it(`give ${maxLabelValues} tenants series of their own, and the others one`, () => {
    const labels = open();
    const ofTenant = (fairnessId: string) => labels.of({ ...request, fairnessId }).labels[2];
    for (let i = 0; i < maxLabelValues; i++) expect(ofTenant(`f${i}`)).toBe(`f${i}`);
    expect([ofTenant("one more"), ofTenant("f0")]).toEqual(["other", "f0"]);
  });

  it(`tell ${maxLabelSets} sets apart, and no more, whatever they are made of`, () => {
    const made = new Set<object>();
    const labels = open();
    for (let i = 0; i < 100; i++) {
      for (let k = 0; k < 100; k++) made.add(labels.of({ ...request, model: `m${i}`, fairnessId: `f${k}` }));
    }
    expect(made.size).toBe(maxLabelSets + 1);
    expect(labels.of({ ...request, model: "m99", fairnessId: "f99" }).labels).toEqual(["other", "other", "other", "0"]);
  });

  it("keep the models that the configuration names, however many others came before", () => {
    const clients = createClientLabels((model) => model === "configured");
    for (let i = 0; i < 2 * maxLabelValues; i++) clients.model(`m${i}`);
    expect([clients.model("configured"), clients.model("unheard of")]).toEqual(["configured", "other"]);
  });

  it("bring back a model that was one of the others once the configuration names it", () => {
    let configured = "";
    const clients = createClientLabels((model) => model === configured);
    for (let i = 0; i < maxLabelValues; i++) clients.model("x".repeat(100) + i);
    for (let i = 0; i < maxLabelValues; i++) clients.model(`m${i}`);
    expect(clients.model("late")).toBe("other");
    configured = "late";
    expect(clients.model("late")).toBe("late");
  });
});
