import { createSingleProfileHandler, type Filter, type Plan, type Producer, type Profile } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { IncomingRequest, Routed } from "./types.ts";

async function decide(options: SchedulingOptions, request: IncomingRequest = post(good)) {
  const opened = openScheduling(options);
  return { ...opened, verdict: await opened.scheduler.decide(request) };
}

const keeps = (name: string, slots: readonly number[]): Filter => ({
  name,
  type: "keeps",
  filter: () => Uint32Array.from(slots),
});

describe("a policy's refusal", () => {
  const refusal = { by: "guard", code: "ResourceExhausted", message: "no room", droppedReason: "evicted" } as const;
  const asAdmitter = (retryAfterS: number) => (): Partial<Plan> => ({
    admitters: [{ name: "guard", type: "guard", admit: () => ({ ...refusal, retryAfterS }) }],
  });

  it("reaches the client as the policy words it, and not as a fault of ours", async () => {
    const { verdict, heard, ring, registry, leases } = await decide({ plan: asAdmitter(7) });
    const { by: _, ...told } = refusal;
    expect(verdict).toEqual({ kind: "refused", status: 429, retryAfterS: 7, ...told });
    expect([heard, leases.count()]).toEqual([[], 0]);
    expect(ring.latest(1)).toHaveLength(1);
    expect(await registry.metrics()).toContain('outrider_refusals_total{reason="guard"} 1');
  });

  it("says nothing of coming back where nobody knows", async () => {
    expect((await decide({ plan: asAdmitter(0) })).verdict).not.toHaveProperty("retryAfterS");
  });

  const codes = [
    { code: "NotFound", status: 404 },
    { code: "PreconditionFailed", status: 412 },
    { code: "ServiceUnavailable", status: 503 },
  ] as const;
  for (const { code, status } of codes) {
    it(`of a profile handler is answered ${status} for ${code}`, async () => {
      const plan = (profile: Profile): Partial<Plan> => ({
        handler: {
          ...createSingleProfileHandler("handler", profile),
          next: () => ({ ...refusal, code, retryAfterS: 0 }),
        },
      });
      expect((await decide({ plan })).verdict).toMatchObject({ kind: "refused", code, status });
    });
  }
});

describe("where filters leave nothing, the client reads which one", () => {
  const cases = [
    { title: "alone", filters: [keeps("role", [])], want: "filter role of profile default left none of 3 endpoints" },
    {
      title: "behind others",
      filters: [keeps("all", [0, 1, 2]), keeps("one", [1]), keeps("role", [])],
      want: "filter role of profile default left none of 1 endpoint",
    },
  ];
  for (const { title, filters, want } of cases) {
    it(title, async () => {
      const { verdict } = await decide({ filters });
      expect(verdict).toMatchObject({
        status: 429,
        droppedReason: "rejected-saturated",
        message: `failed to find target endpoint: ${want}`,
        retryAfterS: 1,
      });
    });
  }

  it("and no profile was run at all", async () => {
    const plan = (profile: Profile): Partial<Plan> => ({
      handler: { ...createSingleProfileHandler("handler", profile), next: () => undefined, primaryOf: () => "" },
    });
    expect((await decide({ plan })).verdict).toMatchObject({ message: expect.stringContaining("no profile was run") });
  });
});

describe("Prefer: if-available", () => {
  const producing = (values: readonly number[] | "nothing" | "an abstention"): Producer => ({
    name: "prefixes",
    type: "prefixes",
    produces: ["data.prefix_total_blocks", "data.prefix_match_blocks"],
    produce(_, [, matches]) {
      if (values === "nothing") throw new Error("broken");
      if (values === "an abstention") return "no whole prefix block";
      matches?.set(values);
      return undefined;
    },
  });
  const withProducer = (producer: Producer) => (): Partial<Plan> => ({ waves: [[{ producer, budgetMs: 5 }]] });
  const preferring = (prefer: string) => post(good, undefined, { prefer });

  const cases = [
    { title: "nothing of the prompt is cached at the pick", values: [4, 4, 0], prefer: "if-available", status: 412 },
    { title: "nothing is known of the pick", values: [4, 4, Number.NaN], prefer: "if-available", status: 412 },
    { title: "the producer abstains", values: "an abstention", prefer: "if-available", status: 412 },
    { title: "some of it is", values: [0, 0, 2], prefer: "if-available", status: 0 },
    { title: "it stands among others", values: [0, 0, 0], prefer: 'wait=10, If-Available; a="b", x', status: 412 },
    { title: "the client wants something else", values: [0, 0, 0], prefer: "wait=10, if-available-later", status: 0 },
    { title: "the producer failed", values: "nothing", prefer: "if-available", status: 0 },
  ] as const;
  for (const { title, values, prefer, status } of cases) {
    it(`is answered ${status || "by the endpoint"} where ${title}`, async () => {
      const { verdict, leases } = await decide({ plan: withProducer(producing(values)) }, preferring(prefer));
      expect(verdict.kind === "refused" ? verdict.status : 0).toBe(status);
      expect(leases.count()).toBe(status === 0 ? 1 : 0);
    });
  }

  it("is answered 412 where no producer tells of prefixes", async () => {
    const { verdict, leases } = await decide({}, preferring("if-available"));
    expect(verdict).toMatchObject({ kind: "refused", code: "PreconditionFailed", status: 412 });
    expect(leases.count()).toBe(0);
  });

  it("says nothing where the client does not ask", async () => {
    expect((await decide({ plan: withProducer(producing([0, 0, 0])) })).verdict.kind).toBe("routed");
  });

  it("has plugins told that the request was never sent, and the record tells why", async () => {
    const { heard, ring } = await decide({ plan: withProducer(producing([0, 0, 0])) }, preferring("if-available"));
    expect(heard).toMatchObject([{ kind: "done", cause: "never_sent" }]);
    const record = ring.latest(1)[0];
    expect(record && ring.circumstancesOf(record).refusal).toMatchObject({ status: 412, code: "PreconditionFailed" });
  });
});

describe("what a request carries", () => {
  const own = ["x-prefiller-host-port", "x-encoder-hosts-ports"];
  const plan = (profile: Profile): Partial<Plan> => ({
    handler: {
      ...createSingleProfileHandler("handler", profile),
      ownHeaders: own,
      route: () => ({ setHeaders: [["x-prefiller-host-port", "10.0.0.2:8000"]], port: 9000 }),
    },
  });

  it("is what the profile handler says, at the port it says", async () => {
    const { verdict } = await decide({ plan });
    expect(verdict).toMatchObject({
      destinations: ["10.0.0.3:9000", "10.0.0.2:9000"],
      setHeaders: [["x-prefiller-host-port", "10.0.0.2:8000"]],
      removeHeaders: own,
    });
  });

  it("goes to nobody else in the gateway door where its headers are for one endpoint's port", async () => {
    const { verdict } = await decide({ plan }, { ...post(good), door: "gateway" });
    expect(verdict).toMatchObject({ destinations: ["10.0.0.3:9000", "10.0.0.2:9000"] });
    expect((await decide({}, { ...post(good), door: "gateway" })).verdict).toMatchObject({
      destinations: ["10.0.0.3:8000", "10.0.0.2:8000", "10.0.0.1:8000"],
    });
  });

  it("counts at the endpoint that took it, though it has another port", async () => {
    const { verdict, table } = await decide({ plan });
    (verdict as Routed).responseHeaders(200, () => undefined, "10.0.0.2:9000");
    expect([...table.inflight.requests.slice(0, 3)]).toEqual([0, 1, 0]);
  });

  for (const door of ["gateway", "pick"] as const) {
    it(`leaves headers behind in the ${door} door that are for us alone`, async () => {
      const { verdict } = await decide({ plan }, { ...post(good), door });
      const { removeHeaders } = verdict as Routed;
      expect(removeHeaders).toEqual(expect.arrayContaining([...own, "x-llm-d-inference-objective", "x-slo-ttft-ms"]));
      expect(removeHeaders).not.toContain("x-request-id");
    });
  }

  it("is nothing of its own by default", async () => {
    expect((await decide({})).verdict).toMatchObject({ setHeaders: [], removeHeaders: [], setResponseHeaders: [] });
  });
});
