import type { PoolView, Screener } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { RequestRules } from "./request-rules.ts";
import { createScheduler } from "./scheduler.ts";
import type { IncomingRequest, Routed } from "./types.ts";

const objective = "x-llm-d-inference-objective";
const priorities: Readonly<Record<string, number>> = { batch: -1, chat: 0, urgent: 5 };
const priorityOf = (name: string) => priorities[name] ?? 0;

const loaded = (saturation: number): RequestRules["detector"] => ({
  name: "d",
  type: "d",
  saturation: () => saturation,
});

async function decide(options: SchedulingOptions, request: IncomingRequest = post(good)) {
  const opened = openScheduling(options);
  return { ...opened, verdict: await opened.scheduler.decide(request) };
}

const withHeaders = (headers: Readonly<Record<string, string>>) => post(good, undefined, headers);
const model = (name: string) => post(JSON.stringify({ model: name, prompt: "p" }));

describe("a sheddable request", () => {
  const shed = {
    status: 429,
    message: "system saturated, sheddable request dropped",
    droppedReason: "rejected-saturated",
  };

  const refused = [
    { title: "where the pool is full", saturation: 1, headers: { [objective]: "batch" } },
    { title: "by the older name of its header", saturation: 7, headers: { "x-gateway-inference-objective": "batch" } },
  ];
  for (const { title, saturation, headers } of refused) {
    it(`is refused with 429, a reason and a time to come back ${title}`, async () => {
      const { verdict, leases, heard } = await decide(
        { rules: { priorityOf, detector: loaded(saturation) } },
        withHeaders(headers as Record<string, string>),
      );
      expect(verdict).toMatchObject({ kind: "refused", code: "ResourceExhausted", retryAfterS: 1, ...shed });
      expect([leases.count(), heard]).toEqual([0, []]);
    });
  }

  const taken = [
    { title: "where there is room", saturation: 0.99, headers: { [objective]: "batch" } },
    { title: "of an objective that nobody knows", saturation: 9, headers: { [objective]: "strange" } },
    { title: "without an objective", saturation: 9, headers: {} },
    { title: "of priority 0", saturation: 9, headers: { [objective]: "chat" } },
    { title: "of a priority above 0", saturation: 9, headers: { [objective]: "urgent" } },
  ];
  for (const { title, saturation, headers } of taken) {
    it(`goes on, or is none, ${title}`, async () => {
      const rules = { priorityOf, detector: loaded(saturation) };
      const { verdict } = await decide({ rules }, withHeaders(headers as Record<string, string>));
      expect(verdict.kind).toBe("routed");
    });
  }

  it("comes behind what is wrong with its body", async () => {
    const headers = { [objective]: "batch" };
    const { verdict } = await decide({ rules: { priorityOf, detector: loaded(2) } }, post("{", undefined, headers));
    expect(verdict).toMatchObject({ status: 400 });
  });

  it("has its pool judged by all endpoints that take requests, with what is in flight now", async () => {
    const seen: PoolView[] = [];
    const saturation = (pool: PoolView) => {
      seen.push(pool);
      return 0;
    };
    const detector = { name: "d", type: "d", saturation };
    const request = post(good, ["10.0.0.1:8000"], { [objective]: "batch" });
    const { table } = await decide({ rules: { priorityOf, detector } }, request);
    expect(seen).toMatchObject([{ slots: Uint32Array.of(0, 1, 2), inflight: table.inflight, nowMs: 5000 }]);
  });

  it("is told to come back when the load of requests as long as the last has shrunk to what fits", async () => {
    const rules = { priorityOf, detector: loaded(Math.E) };
    const { scheduler, time, verdict } = await decide({ rules });
    time.nowMs += 9_500;
    (verdict as Routed).end("ok");
    const second = await scheduler.decide(withHeaders({ [objective]: "batch" }));
    expect(second).toMatchObject({ status: 429, retryAfterS: 10 });
  });
});

describe("screeners", () => {
  const keeps = (name: string, slots: readonly number[]): Screener & { readonly saw: string[] } => {
    const saw: string[] = [];
    return {
      name,
      type: "screener",
      saw,
      screen({ candidates, header, facts }) {
        saw.push(`${candidates.join()} ${facts.model} ${header("x-mine")}`);
        return Uint32Array.from(slots);
      },
      headersOf: ({ address }) => [[`x-${name}-at`, address]],
    };
  };

  it("see the same candidates, and leave those that each of them allows", async () => {
    const screeners = [keeps("a", [1, 2]), keeps("b", [0, 1])];
    const { verdict, ring } = await decide({ rules: { screeners } }, withHeaders({ "x-mine": "v" }));
    expect(screeners.flatMap(({ saw }) => saw)).toEqual(["0,1,2 m v", "0,1,2 m v"]);
    expect([...(ring.latest(1)[0]?.candidates ?? [])]).toEqual([1]);
    expect((verdict as Routed).destinations).toEqual(["10.0.0.2:8000"]);
  });

  it("have headers set on the response, also by who sends it, though nobody wants to see it", async () => {
    const { verdict } = await decide({
      rules: { screeners: [keeps("a", [1, 2])] },
      responses: "none",
    });
    const routed = verdict as Routed;
    expect(routed.observation).toBe("headers");
    expect(routed.setResponseHeaders).toEqual([["x-a-at", "10.0.0.3:8000"]]);
    routed.responseHeaders(200, () => undefined, "10.0.0.2:8000");
    expect(routed.setResponseHeaders).toEqual([["x-a-at", "10.0.0.2:8000"]]);
  });

  it("that leave nothing refuse with 503", async () => {
    const { verdict } = await decide({ rules: { screeners: [keeps("a", [0]), keeps("b", [1])] } });
    expect(verdict).toMatchObject({
      status: 503,
      droppedReason: "rejected-no-endpoints",
      message: "screeners eliminated all endpoint candidates",
    });
  });

  it("draw the same numbers for the same seed, each its own", async () => {
    const drawn: number[] = [];
    const draws: Screener = {
      name: "draws",
      type: "screener",
      screen({ candidates, random }) {
        drawn.push(random());
        return candidates;
      },
    };
    for (let i = 0; i < 2; i++) await decide({ rules: { screeners: [draws, draws] } });
    expect(drawn.slice(0, 2)).toEqual(drawn.slice(2));
    expect(drawn[0]).not.toBe(drawn[1]);
  });
});

describe("a model that no endpoint serves", () => {
  const sets = [{ models: ["a"] }, { models: ["b"], adapters_running: ["lora"] }, { models: ["a", "b"] }];
  const refuse = { unknownModels: "refuse" } as const;

  it("is refused with 404 where the rules say so, its name cut", async () => {
    const { verdict, leases } = await decide({ sets, rules: refuse }, model(`x${"y".repeat(9_000)}`));
    expect(verdict).toMatchObject({ kind: "refused", code: "NotFound", status: 404, droppedReason: "" });
    expect((verdict as { message: string }).message.length).toBeLessThan(300);
    expect(leases.count()).toBe(0);
  });

  const cases = [
    { title: "goes on where the rules do not say so", sets, rules: {}, request: model("c"), status: 0 },
    {
      title: "goes on where some endpoint does not tell its models",
      sets: sets.slice(0, 2),
      rules: refuse,
      request: model("c"),
      status: 0,
    },
    { title: "is none where an endpoint names it", sets, rules: refuse, request: model("b"), status: 0 },
    { title: "is none where it is an adapter of an endpoint", sets, rules: refuse, request: model("lora"), status: 0 },
    {
      title: "is judged by the candidates alone",
      sets,
      rules: refuse,
      request: post('{"model":"b","prompt":"p"}', ["10.0.0.1"]),
      status: 404,
    },
    {
      title: "is judged by its target",
      sets,
      rules: refuse,
      request: post('{"model":"a","prompt":"p"}', undefined, { "x-llm-d-model-name-rewrite": "c" }),
      status: 404,
    },
    {
      title: "is none of a request without a body",
      sets,
      rules: refuse,
      request: { ...post(good), body: undefined },
      status: 0,
    },
  ];
  for (const { title, status, request, ...options } of cases) {
    it(title, async () => {
      const { verdict } = await decide(options, request);
      expect(verdict.kind === "refused" ? verdict.status : 0).toBe(status);
    });
  }

  it("is known as soon as an endpoint tells it", async () => {
    const { scheduler, table } = await decide({ sets, rules: refuse });
    expect(await scheduler.decide(model("c"))).toMatchObject({ status: 404 });
    table.setSets(2, { models: ["c"] });
    table.publish(2000);
    expect(await scheduler.decide(model("c"))).toMatchObject({ kind: "routed" });
    expect(await scheduler.decide(model("lora"))).toMatchObject({ kind: "routed" });
    expect(await scheduler.decide(model("d"))).toMatchObject({ status: 404 });
  });

  it("is told apart from an adapter, which scorers are told of", async () => {
    const { scheduler, ring } = await decide({ sets });
    for (const name of ["lora", "b"]) await scheduler.decide(model(name));
    expect(ring.latest(2).map(({ facts }) => facts.lora)).toEqual(["", "lora"]);
  });
});

describe("a rule that rewrites models", () => {
  const rewriteOf: RequestRules["rewriteOf"] = (name, random) =>
    name === "m" || name === "" ? { rule: "r", model: random() < 0.5 ? "low" : "high" } : undefined;
  const rules = { rewriteOf, rewritesModels: true };
  const body = ({ rewrite }: Routed) => Buffer.concat(rewrite?.body ?? []).toString();

  it("goes before the headers, and is counted by its name", async () => {
    const { verdict, registry } = await decide({ rules }, withHeaders({ "x-llm-d-model-name-rewrite": "header" }));
    expect(["low", "high"]).toContain((verdict as Routed).rewrite?.model);
    expect(await registry.metrics()).toContain('outrider_model_rewrites_total{rule="r"} 1');
  });

  it("leaves other models to the headers", async () => {
    const request = post('{"model":"n","prompt":"p"}', undefined, { "x-llm-d-model-name-rewrite": "header" });
    const { verdict, registry } = await decide({ rules }, request);
    expect((verdict as Routed).rewrite?.model).toBe("header");
    expect(await registry.metrics()).toContain('outrider_model_rewrites_total{rule=""} 1');
  });

  it("chooses by the decision's seed alone", async () => {
    const targets = new Set<string | undefined>();
    for (let seed = 1; seed <= 40; seed++) {
      const choose = async () => {
        const opened = openScheduling({ rules, seed });
        return ((await opened.scheduler.decide(post(good))) as Routed).rewrite?.model;
      };
      const model = await choose();
      expect(await choose()).toBe(model);
      targets.add(model);
    }
    expect(targets).toEqual(new Set(["low", "high"]));
  });

  it("names a model in a body that names none, and leaves its response as it is", async () => {
    const { verdict } = await decide({ rules }, post('{"prompt":"p"}'));
    const routed = verdict as Routed;
    expect(body(routed)).toMatch(/^\{"model":"(low|high)","prompt":"p"\}$/);
    expect(routed.rewrite?.respond()).toBeUndefined();
  });

  it("refuses with 400 where neither it nor the body names one", async () => {
    const none = { rewriteOf: () => undefined, rewritesModels: true };
    const headers = { "x-llm-d-model-name-rewrite": "header" };
    const { verdict } = await decide({ rules: none }, post('{"prompt":"p"}', undefined, headers));
    expect(verdict).toMatchObject({ status: 400, message: "model not found in request body" });
  });
});

it("a request without a tenant is accounted to its agent", async () => {
  const agents = [
    { agentOf: () => "" },
    { agentOf: (header: (name: string) => string | undefined) => header("x-mine") ?? "" },
  ];
  const { ring } = await decide({ rules: { agents } }, withHeaders({ "x-mine": "agent" }));
  expect(ring.latest(1)[0]?.facts.fairnessId).toBe("agent");
});

it("what is in force is read once a decision, and may change between two", async () => {
  const { parts, scheduler } = openScheduling({ rules: { priorityOf, detector: loaded(2) } });
  const { rules, ...rest } = parts.inForce();
  const request = withHeaders({ [objective]: "batch" });
  expect(await scheduler.decide(request)).toMatchObject({ status: 429 });
  const next = { ...rest, rules: { ...rules, detector: loaded(0) } };
  let reads = 0;
  const other = createScheduler({ ...parts, inForce: () => (reads++ === 0 ? parts.inForce() : next) });
  expect(await other.decide(request)).toMatchObject({ status: 429 });
  expect(await other.decide(request)).toMatchObject({ kind: "routed" });
  expect(reads).toBe(2);
});
