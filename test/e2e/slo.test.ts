import { type Fleet, spawnFleet } from "@outrider/fleet";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";

/** Chance decides between endpoints that are rated alike; the budgets are those of a busy machine. */
const config = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 1s
plugins:
- { type: predicted-latency-producer, budget: 1s, parameters: { minSamples: 10 } }
- { type: slo, budget: 1s }
- { type: max-score-picker }
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: slo }, { pluginRef: max-score-picker }]
`;

/** Which server answered, and how long its first token took, in ms. */
interface Answer {
  readonly servedBy: string;
  readonly ttftMs: number;
}

describe("requests to two servers of which one is ten times as slow", () => {
  const dispatcher = new Agent({ connections: 16 });
  let fleet: Fleet;
  let host: Host;
  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 2, timeScale: 0.5, models: ["*"] });
    await fleet.fault(fleet.endpoints[1]!, { slowFactor: 10 });
    host = await startHost({ endpoints: fleet.endpoints, config, args: ["--no-warmup", "--gateway-port=0"] });
  });
  afterAll(async () => {
    await dispatcher.close();
    await host?.stop();
    await fleet?.stop();
  });

  let prompts = 0;
  const ask = async (targetMs?: number): Promise<Answer> => {
    const prompt = `${++prompts} prompt `.repeat(200);
    const targets = targetMs === undefined ? {} : { "x-llm-d-slo-ttft-ms": String(targetMs) };
    const startedMs = performance.now();
    const { statusCode, headers, body } = await request(`http://${host.addresses.gateway}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...targets },
      body: JSON.stringify({ model: "m", prompt, max_tokens: 2, stream: true }),
      dispatcher,
    });
    let ttftMs = Number.NaN;
    for await (const _ of body) if (Number.isNaN(ttftMs)) ttftMs = performance.now() - startedMs;
    expect(statusCode).toBe(200);
    return { servedBy: String(headers["x-served-by"]), ttftMs };
  };
  /** Asks so many times, four at once. */
  const askAll = async (count: number, targetMs?: number): Promise<readonly Answer[]> => {
    const answers: Answer[] = [];
    const askOn = async () => {
      while (answers.length < count) answers.push(await ask(targetMs));
    };
    await Promise.all([1, 2, 3, 4].map(askOn));
    return answers;
  };
  const of = (answers: readonly Answer[], server: number) =>
    answers.filter(({ servedBy }) => servedBy === fleet.endpoints[server]);

  it("go to the one that meets their target once both are known, and anywhere without a target", async () => {
    const learned = await askAll(40);
    const [fast, slow] = [0, 1].map((server) => {
      const times = of(learned, server).map(({ ttftMs }) => ttftMs);
      return times.reduce((sum, ms) => sum + ms, 0) / times.length;
    });
    const targetMs = Math.round(Math.sqrt(fast! * slow!));
    const targeted = await askAll(40, targetMs);
    expect(of(targeted, 0).length).toBeGreaterThan(0.8 * targeted.length);
    const untargeted = await askAll(20);
    expect(of(untargeted, 1).length).toBeGreaterThan(0);
  });
});
