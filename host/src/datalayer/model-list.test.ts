import { createEndpointTable } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { createEndpointSets } from "./endpoint-sets.ts";
import { parseModelList } from "./model-list.ts";

const parse = (value: unknown) =>
  parseModelList(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

describe("a list of models that is wrong", () => {
  const cases = [
    { title: "nothing", page: "" },
    { title: "HTML", page: "<html></html>" },
    { title: "half of one", page: '{"object":"list","data":[{"id":"m"' },
    { title: "null", page: "null" },
    { title: "a list without its object", page: [{ id: "m" }] },
    { title: "data that is no list", page: { data: { id: "m" } } },
    { title: "an entry that is null", page: { data: [null] } },
    { title: "an entry without id", page: { data: [{ id: "m" }, { object: "model" }] } },
    { title: "an id that is a number", page: { data: [{ id: 7 }] } },
    { title: "an empty id", page: { data: [{ id: "" }] } },
    { title: "an id of 10 kB", page: { data: [{ id: "m".repeat(10_000) }] } },
    { title: "a parent that is a number", page: { data: [{ id: "a", parent: 7 }] } },
    { title: "5,000 models", page: { data: Array.from({ length: 5_000 }, (_, i) => ({ id: `m${i}` })) } },
  ];
  for (const { title, page } of cases) {
    it(`is a fault: ${title}`, () => expect(parse(page)).toMatchObject({ reason: "invalid" }));
  }
});

describe("a list of models", () => {
  it("tells models from adapters by their parent", () => {
    const data = [{ id: "base", parent: null }, { id: "other" }, { id: "a1", parent: "base" }, { id: "b", parent: "" }];
    expect(parse({ object: "list", data })).toEqual({
      models: ["base", "other", "b"],
      adapters: ["a1"],
      bases: ["a1=base"],
    });
  });

  it("may be empty", () => expect(parse({ data: [] })).toEqual({ models: [], adapters: [], bases: [] }));
});

describe("the sets of an endpoint", () => {
  const create = () => {
    const table = createEndpointTable({ epoch: 1 });
    const sets = createEndpointSets(table, table.upsert({ id: "a", address: "10.0.0.1:80", labels: {} }));
    return { sets, seen: () => table.publish(1).at(0)?.sets };
  };
  const scraped = { models: ["served"], adapters_running: ["a1"] };
  const list = { models: ["served", "alias"], adapters: ["a1", "a2"], bases: ["a1=served", "a2=served"] };
  const listed = { models: ["alias", "served"], adapters: ["a1", "a2"], adapter_bases: ["a1=served", "a2=served"] };

  it("are what metrics say while there is no list", () => {
    const { sets, seen } = create();
    sets.scraped(scraped);
    expect(seen()).toEqual(scraped);
    sets.unlisted();
    expect(seen()).toEqual(scraped);
  });

  it("are what a list says of models, whatever metrics say later", () => {
    const { sets, seen } = create();
    sets.scraped(scraped);
    sets.listed(list);
    expect(seen()).toEqual({ ...listed, adapters_running: ["a1"] });
    sets.scraped({ models: ["served"], adapters_running: ["a2"] });
    expect(seen()).toEqual({ ...listed, adapters_running: ["a2"] });
  });

  it("are what metrics say again when lists are fetched no longer", () => {
    const { sets, seen } = create();
    sets.listed(list);
    sets.scraped(scraped);
    sets.unlisted();
    expect(seen()).toEqual(scraped);
  });

  it("are unknown when lists are fetched no longer and metrics name no model", () => {
    const { sets, seen } = create();
    sets.listed(list);
    sets.unlisted();
    expect(seen()).toEqual({});
  });
});
