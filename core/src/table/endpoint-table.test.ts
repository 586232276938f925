import { describe, expect, it } from "vitest";
import type { EndpointChange, OutriderError } from "../contract/index.ts";
import { createEndpointTable } from "./endpoint-table.ts";
import { type EndpointTable, tableLimits } from "./types.ts";

const entry = (id: string, address = `10.0.0.1:${id.length}`) => ({ id, address, labels: { app: id } });

function tableOf(...ids: readonly string[]): EndpointTable {
  const table = createEndpointTable({ epoch: 7, ringSize: 2 });
  for (const id of ids) table.upsert(entry(id));
  return table;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as OutriderError).code;
  }
  return "";
}

describe("bad input", () => {
  it("refuses an endpoint when every slot is taken, and takes the one after next", () => {
    const table = createEndpointTable({ epoch: 1 });
    for (let i = 0; i < tableLimits.slots; i++) table.upsert(entry(`e${i}`));
    expect(codeOf(() => table.upsert(entry("one too many")))).toBe("ENDPOINTS_INVALID");
    expect(table.publish(1).live.length).toBe(tableLimits.slots);
  });

  it("refuses a column when all are taken", () => {
    const table = createEndpointTable({ epoch: 1 });
    const add = () => {
      for (let i = 0; i <= tableLimits.columns; i++) table.column(`metric.m${i}`);
    };
    expect(add).toThrow(RangeError);
  });

  it("refuses to measure what leases count", () => {
    const table = tableOf("a");
    expect(() => table.setValue(0, "inflight_requests", 1, 1)).toThrow("inflight_requests");
  });

  it("drops what is written to a slot without endpoint", () => {
    const table = tableOf("a");
    table.publish(1);
    table.remove("a");
    table.setValue(0, "waiting_requests", 3, 1);
    table.setValues(9, [0], [3], 1);
    table.setReady(0, true);
    table.setSets(0, { models: ["m"] });
    table.restarted(0);
    table.forget(0);
    const snapshot = table.publish(2);
    expect(snapshot.at(0)).toBeUndefined();
    expect(snapshot.ready[0]).toBe(0);
    expect(snapshot.columns.waitingRequests[0]).toBeNaN();
  });
});

describe("a snapshot", () => {
  it("is empty and of revision 0 before the first is published", () => {
    const { current } = createEndpointTable({ epoch: 7 });
    expect({ ...current, live: [...current.live] }).toMatchObject({ epoch: 7, rev: 0, slotCount: 0, live: [] });
  });

  it("is the same while nothing changes", () => {
    const table = tableOf("a");
    const first = table.publish(1);
    table.setReady(0, false);
    table.upsert(entry("a"));
    table.setSets(0, {});
    table.forget(0);
    expect(table.publish(2)).toBe(first);
    table.setReady(0, true);
    expect(table.publish(3)).not.toBe(first);
    expect(table.current.rev).toBe(2);
  });

  it("never changes", () => {
    const table = tableOf("a", "b");
    table.setValue(0, "waiting_requests", 3, 10);
    table.setReady(0, true);
    const before = table.publish(20);
    table.setValue(0, "waiting_requests", 5, 30);
    table.setReady(0, false);
    table.upsert({ ...entry("b"), labels: { app: "other" } });
    table.upsert(entry("c"));
    table.remove("a");
    table.publish(40);
    expect(before.columns.waitingRequests[0]).toBe(3);
    expect(before.ready[0]).toBe(1);
    expect(before.at(0)?.id).toBe("a");
    expect(before.at(1)?.labels).toEqual({ app: "b" });
    expect(before.at(2)).toBeUndefined();
  });

  it("holds its arrays in one SharedArrayBuffer", () => {
    const { columns, ready, live } = tableOf("a").publish(1);
    const { buffer } = columns.waitingRequests;
    expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    for (const array of [columns.kvCacheUsage, columns.measuredAtMs("max_adapters"), ready, live]) {
      expect(array.buffer).toBe(buffer);
    }
  });

  it("knows nothing of an endpoint that was never measured, and has sent it nothing", () => {
    const { columns } = tableOf("a").publish(1);
    expect(columns.waitingRequests[0]).toBeNaN();
    expect(columns.ageMs("waiting_requests", 0)).toBe(Number.POSITIVE_INFINITY);
    expect(columns.measuredAtMs("waiting_requests")[0]).toBe(0);
    expect(columns.inflightRequests[0]).toBe(0);
  });

  it("has one column of unknown values for all keys that nobody fills", () => {
    const { columns } = tableOf("a", "b").publish(1);
    expect([...columns.get("metric.none")]).toEqual([Number.NaN, Number.NaN]);
    expect(columns.get("metric.none")).toBe(columns.get("metric.other"));
    expect([...columns.measuredAtMs("metric.none")]).toEqual([0, 0]);
  });

  it("knows the age of a value in whole ms, never below 0", () => {
    const table = tableOf("a");
    table.setValue(0, "waiting_requests", 1, 100.9);
    table.setValue(0, "running_requests", 1, 300);
    const { columns } = table.publish(250.5);
    expect(columns.ageMs("waiting_requests", 0)).toBe(150);
    expect(columns.ageMs("running_requests", 0)).toBe(0);
  });

  it("lists canonical keys first, then those of the configuration, then those met later", () => {
    const table = createEndpointTable({ epoch: 1, extraColumns: ["metric.b"] });
    table.column("metric.a");
    expect(table.publish(1).columns.keys).toEqual([
      "waiting_requests",
      "running_requests",
      "kv_cache_usage",
      "kv_block_tokens",
      "kv_total_blocks",
      "max_adapters",
      "foreign_requests",
      "rate.prompt_tokens",
      "rate.output_tokens",
      "rate.saturated_tokens",
      "metric.b",
      "metric.a",
    ]);
  });

  it("is kept for as many publications as the ring has places", () => {
    const table = tableOf();
    const [one, two, three] = [1, 2, 3].map((nowMs) => {
      table.upsert(entry(`e${nowMs}`));
      return table.publish(nowMs);
    });
    expect([table.at(one.rev), table.at(two.rev), table.at(three.rev), table.at(99)]).toEqual([
      undefined,
      two,
      three,
      undefined,
    ]);
  });
});

describe("values", () => {
  it("are set in bulk by column, NaN making them unknown", () => {
    const table = tableOf("a");
    const columns = [table.column("kv_cache_usage"), table.column("metric.mine"), table.column("waiting_requests")];
    table.setValue(0, "waiting_requests", 4, 10);
    table.setValues(0, columns, [0.5, 7, Number.NaN], 20);
    const snapshot = table.publish(25);
    expect(snapshot.columns.kvCacheUsage[0]).toBe(0.5);
    expect(snapshot.columns.get("metric.mine")[0]).toBe(7);
    expect(snapshot.columns.ageMs("metric.mine", 0)).toBe(5);
    expect(snapshot.columns.waitingRequests[0]).toBeNaN();
    expect(snapshot.columns.ageMs("waiting_requests", 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("survive the growth of the slot space", () => {
    const table = tableOf("a");
    table.setValue(0, "waiting_requests", 4, 10);
    table.setReady(0, true);
    for (let i = 0; i < 100; i++) table.setValue(table.upsert(entry(`e${i}`)), "waiting_requests", i, 10);
    const snapshot = table.publish(20);
    expect(snapshot.slotCount).toBe(101);
    expect(snapshot.columns.waitingRequests[0]).toBe(4);
    expect(snapshot.columns.waitingRequests[100]).toBe(99);
    expect(snapshot.ready[0]).toBe(1);
    expect(table.inflight.requests.length).toBeGreaterThanOrEqual(101);
  });

  it("are all unknown once forgotten", () => {
    const table = tableOf("a");
    table.setValue(0, "waiting_requests", 4, 10);
    table.publish(10);
    table.forget(0);
    expect(table.publish(20).columns.waitingRequests[0]).toBeNaN();
  });
});

describe("an endpoint", () => {
  it("keeps its slot through changes of labels, sets and restarts", () => {
    const table = tableOf("a", "b");
    expect(table.upsert({ ...entry("b"), labels: {} })).toBe(1);
    table.setSets(1, { models: ["z", "a", "z"] });
    table.setSets(1, { adapters_running: ["x"] });
    table.restarted(1);
    expect(table.publish(1).at(1)).toEqual({
      slot: 1,
      id: "b",
      address: "10.0.0.1:1",
      labels: {},
      sets: { models: ["a", "z"], adapters_running: ["x"] },
      incarnation: 1,
    });
  });

  it("is another process at another address: restarted, with everything unknown", () => {
    const table = tableOf("a");
    table.setValue(0, "waiting_requests", 4, 10);
    table.setSets(0, { models: ["m"] });
    table.upsert(entry("a", "10.0.0.2:1"));
    const snapshot = table.publish(20);
    expect(snapshot.at(0)).toEqual({ ...entry("a", "10.0.0.2:1"), slot: 0, sets: {}, incarnation: 1 });
    expect(snapshot.columns.waitingRequests[0]).toBeNaN();
  });

  it("keeps the sets that are not forgotten", () => {
    const table = tableOf("a");
    table.setSets(0, { models: ["m"], adapters: ["a"], adapters_running: [] });
    const before = table.publish(1);
    table.forgetSets(0, ["adapters", "adapters_running", "adapters_waiting"]);
    expect(table.publish(2).at(0)?.sets).toEqual({ models: ["m"] });
    expect(before.at(0)?.sets).toEqual({ models: ["m"], adapters: ["a"], adapters_running: [] });
    table.forgetSets(0, ["adapters"]);
    table.forgetSets(7, ["models"]);
    expect(table.publish(3).rev).toBe(2);
  });

  it("is found by its id while it is there", () => {
    const table = tableOf("a");
    expect(table.slotOf("a")).toBe(0);
    expect(table.remove("a")).toBe(true);
    expect(table.remove("a")).toBe(false);
    expect(table.slotOf("a")).toBe(-1);
  });
});

describe("listeners", () => {
  it("hear what changed between two snapshots, until they leave", () => {
    const table = tableOf("a", "b");
    table.publish(1);
    const heard: EndpointChange[] = [];
    const stop = table.onPublish((_, change) => heard.push(change));
    table.remove("a");
    table.upsert(entry("c"));
    table.restarted(1);
    table.publish(2);
    table.setReady(1, true);
    table.publish(3);
    stop();
    table.remove("b");
    table.publish(4);
    expect(heard.map(({ removedSlots, upserted }) => [removedSlots, upserted.map(({ id }) => id)])).toEqual([
      [[0], ["b", "c"]],
      [[], []],
    ]);
  });

  it("do not hear of an endpoint that left before it was published", () => {
    const table = tableOf("a");
    const heard: EndpointChange[] = [];
    table.onPublish((_, change) => heard.push(change));
    table.remove("a");
    table.publish(1);
    expect(heard).toEqual([{ removedSlots: [], upserted: [] }]);
  });
});

describe("a slot", () => {
  const publishTimes = (table: EndpointTable, times: number) => {
    for (let i = 0; i < times; i++) {
      table.setReady(table.slotOf("other"), table.current.rev % 2 === 0);
      table.publish(table.current.rev);
    }
  };

  it("is reused once the ring has let go of the endpoint that left", () => {
    const table = tableOf("a", "other");
    table.publish(1);
    table.remove("a");
    publishTimes(table, 1);
    expect(table.upsert(entry("b"))).toBe(2);
    publishTimes(table, 2);
    expect(table.upsert(entry("c"))).toBe(0);
  });

  it("is not reused before every open holder has acknowledged the removal", () => {
    const table = tableOf("a", "other");
    table.publish(1);
    const [slow, quick] = [table.addHolder(), table.addHolder()];
    table.remove("a");
    publishTimes(table, 5);
    quick.ackedRev = table.current.rev;
    expect(table.upsert(entry("b"))).toBe(2);
    slow.ackedRev = 2;
    expect(table.upsert(entry("c"))).toBe(0);
  });

  it("is reused when the holders that knew it have closed", () => {
    const table = tableOf("a", "other");
    table.publish(1);
    const gone = table.addHolder();
    table.remove("a");
    publishTimes(table, 5);
    table.addHolder();
    gone.close();
    gone.close();
    expect(table.upsert(entry("b"))).toBe(0);
  });
});
