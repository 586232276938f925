import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { ObservedRequest, ObservedResponse, RequestObserver } from "./observer.ts";
import { createScheduler } from "./scheduler.ts";
import { toTraceless } from "./traceless.ts";
import type { IncomingRequest, Routed } from "./types.ts";

const kept = { referenceMetrics: true } as const;

function observed(options: SchedulingOptions = {}) {
  const heard: string[] = [];
  const requests: ObservedRequest[] = [];
  const responses: ObservedResponse[] = [];
  const observer: RequestObserver = {
    decided: ({ decisionId }) => void heard.push(`decided ${decisionId}`),
    refused(request, { status }) {
      requests.push(request);
      heard.push(`refused ${status}`);
    },
    sent(request) {
      requests.push(request);
      heard.push("sent");
    },
    firstChunk: (_, ttftMs, isStreamed) => void heard.push(`first ${ttftMs} ${isStreamed}`),
    predicted: (_, { producer }) => void heard.push(`predicted by ${producer}`),
    chunk: (_, gapMs, isStreamed) => void heard.push(`chunk ${gapMs} ${isStreamed}`),
    done(_, response) {
      responses.push(response);
      heard.push(`done ${response.cause}`);
    },
  };
  return { ...openScheduling({ rules: kept, observer, ...options }), heardBy: heard, requests, responses };
}

const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n';

describe("an observer", () => {
  it("hears of a request from the decision to the end of its response", async () => {
    const { scheduler, time, heardBy, requests, responses } = observed();
    const routed = (await scheduler.decide(post(good))) as Routed;
    time.nowMs += 40;
    routed.responseHeaders(200, () => "text/event-stream; charset=utf-8", undefined);
    routed.responseChunk(Buffer.from("data: {}\n\n"));
    time.nowMs += 15;
    routed.responseChunk(Buffer.from(usage));
    time.nowMs += 5;
    for (const cause of ["ok", "ok"] as const) routed.end(cause);
    expect(heardBy).toEqual(["decided t-1", "sent", "first 40 true", "chunk 15 true", "done ok"]);
    expect(requests).toEqual([
      {
        door: "ext_proc",
        model: "m",
        targetModel: "m",
        rewriteRule: "",
        fairnessId: "default-flow",
        priority: 0,
        stream: false,
        bodyBytes: good.length,
      },
    ]);
    expect(responses).toEqual([
      {
        cause: "ok",
        status: 200,
        isStreamed: true,
        usage: { promptTokens: 3, cachedTokens: 0, outputTokens: 5 },
        outputEvents: 1,
        bodyBytes: 10 + usage.length,
        chunks: 2,
        ttftMs: 40,
        e2eMs: 60,
        processingMs: 0,
      },
    ]);
  });

  it("is told the client's model and the rule that chose another, the tenant and the priority", async () => {
    const rules = {
      ...kept,
      rewritesModels: true,
      rewriteOf: () => ({ rule: "canary", model: "m2" }),
      priorityOf: () => 4,
    };
    const { scheduler, requests } = observed({ rules });
    await scheduler.decide(post(good, undefined, { "x-llm-d-inference-fairness-id": "tenant" }));
    expect(requests).toMatchObject([
      { model: "m", targetModel: "m2", rewriteRule: "canary", fairnessId: "tenant", priority: 4 },
    ]);
  });

  const refused: readonly { title: string; request: IncomingRequest; want: readonly string[] }[] = [
    { title: "that cannot be read", request: post("nonsense"), want: ["refused 400"] },
    { title: "that finds no candidate", request: post(good, []), want: ["refused 503"] },
  ];
  for (const { title, request, want } of refused) {
    it(`hears of a request ${title}, and nothing behind it`, async () => {
      const { scheduler, heardBy } = observed();
      await scheduler.decide(request);
      expect(heardBy).toEqual(want);
    });
  }

  it("is given what a gateway reports of a response that passed by", async () => {
    const { scheduler, responses } = observed();
    const routed = (await scheduler.decide({ ...post(good), door: "pick" })) as Routed;
    const told = { promptTokens: 30, cachedTokens: 20, outputTokens: 5 };
    routed.report({ status: 200, served: undefined, usage: told, ttftMs: 40.5, e2eMs: 90 });
    routed.end("ok");
    expect(responses).toMatchObject([{ usage: told, ttftMs: 40.5, e2eMs: 90, chunks: 0, status: 200 }]);
  });

  it("hears of the end of a request that nobody watched, once", async () => {
    const { scheduler, heardBy, scrape } = observed();
    const routed = (await scheduler.decide(post(good))) as Routed;
    routed.letGo();
    expect(heardBy.at(-1)).toBe("sent");
    for (let i = 0; i < 3; i++) scrape(2);
    expect(heardBy.slice(1)).toEqual(["sent", "done unknown"]);
  });

  it("has responses shown though nothing else is wanted of them", async () => {
    const { scheduler } = observed({ granted: [], responses: "auto" });
    expect(((await scheduler.decide(post(good))) as Routed).observation).toBe("full");
  });

  it("hears of a request whose decision failed", async () => {
    const { scheduler, heardBy, requests } = observed({
      filters: [
        {
          name: "broken",
          type: "broken",
          filter() {
            throw new Error("broken");
          },
        },
      ],
    });
    await scheduler.decide(post(good));
    expect(heardBy).toEqual(["refused 500"]);
    expect(requests).toMatchObject([{ model: "", fairnessId: "default-flow" }]);
  });

  it("is told how long the host had a request and its response", async () => {
    const took: number[] = [];
    const { parts, time } = observed();
    const observer: RequestObserver = {
      ...parts.observer!,
      sent: (_, processingMs) => void took.push(processingMs),
      done: (_, { processingMs }) => void took.push(processingMs),
      decided() {
        time.nowMs += 3;
      },
      chunk() {
        time.nowMs += 2;
      },
    };
    const routed = (await createScheduler({ ...parts, observer }).decide(post(good))) as Routed;
    for (const piece of ["data: {}\n\n", usage]) {
      time.nowMs += 100;
      routed.responseChunk(Buffer.from(piece));
    }
    routed.end("ok");
    expect(took).toEqual([3, 2]);
  });

  it("hears nothing where the rules keep no such metrics", async () => {
    const { scheduler, heardBy } = observed({ rules: {} });
    ((await scheduler.decide(post(good))) as Routed).end("ok");
    expect(heardBy).toEqual([]);
  });

  it("hears nothing of a rehearsal", async () => {
    const { parts, heardBy } = observed();
    ((await createScheduler(toTraceless(parts)).decide(post(good))) as Routed).end("ok");
    expect(heardBy).toEqual([]);
  });
});

describe("reporters", () => {
  const reporter = {
    report: ({ outputTokens }: { readonly outputTokens: number }) => [
      { namespace: "n", name: "out", value: outputTokens },
    ],
  };

  it("make numbers of the usage of a response, which is shown though nothing else is wanted of it", async () => {
    const { scheduler } = openScheduling({
      rules: { reporters: [reporter, reporter] },
      granted: [],
      responses: "auto",
    });
    const routed = (await scheduler.decide(post(good))) as Routed;
    expect(routed.observation).toBe("full");
    routed.responseChunk(Buffer.from(usage));
    const told = { namespace: "n", name: "out", value: 5 };
    expect(routed.reports()).toEqual([told, told]);
    routed.end("ok");
    expect(routed.reports()).toEqual([]);
  });

  it("are not there by default", async () => {
    const { scheduler } = openScheduling({ granted: [], responses: "auto" });
    const routed = (await scheduler.decide(post(good))) as Routed;
    expect([routed.observation, routed.reports()]).toEqual(["none", []]);
  });
});
