import { describe, expect, it } from "vitest";
import { createEngine } from "./engine.ts";
import { parseEngineShape } from "./presets.ts";
import { kvCapacityTokens } from "./step-time.ts";

describe("parseEngineShape", () => {
  const wrong = [
    { title: "an unknown model", text: "gpt-9:h100:2", message: /model .*"gpt-9" is none of qwen3-32b, / },
    { title: "unknown hardware", text: "qwen3-32b:h9000:2", message: /hardware .*"h9000" is none of h100, / },
    { title: "a name of the prototype chain", text: "constructor:h100:2", message: /model .*"constructor" is none of/ },
    { title: "no devices", text: "qwen3-32b:h100:0", message: /"0" is no whole number/ },
    { title: "half a device", text: "qwen3-32b:h100:1.5", message: /"1.5" is no whole number/ },
  ];
  for (const { title, text, message } of wrong) {
    it(`refuses ${title}`, () => expect(() => parseEngineShape(text)).toThrow(message));
  }

  it("takes one device where no count is given", () => {
    expect(parseEngineShape("llama-3.1-8b:l40s").tensorParallel).toBe(1);
  });
});

describe("kvCapacityTokens", () => {
  it("refuses a model that leaves no room", () => {
    expect(() => kvCapacityTokens(parseEngineShape("llama-3.3-70b:h100:1"))).toThrow(/leave no KV cache on 1 × 80 GiB/);
  });

  it("is within 1 % of the 307,328 tokens published for Qwen3-32B on two H100", () => {
    expect(kvCapacityTokens(parseEngineShape("qwen3-32b:h100:2")) / 307_328).toBeCloseTo(1, 2);
  });
});

describe("the step time agrees with published figures", () => {
  const cases = [
    // The published 0.522 s are a p90 that includes serving overhead; the model's attention term puts it above.
    { title: "7,200 cold tokens, two H100", engine: "qwen3-32b:h100:2", promptTokens: 7200, wantMs: 522, within: 0.15 },
    { title: "3,000 cold tokens, one H100", engine: "qwen3-32b:h100:1", promptTokens: 3000, wantMs: 350, within: 0.02 },
  ];
  for (const { title, engine, promptTokens, wantMs, within } of cases) {
    it(`time to first token of ${title}`, () => {
      const { firstTokenMs } = runAlone(engine, promptTokens, 2);
      expect(Math.abs(firstTokenMs / wantMs - 1)).toBeLessThan(within);
    });
  }

  it("decode floor of Qwen3-32B on one H100 is 25 ms", () => {
    const { firstTokenMs, doneMs } = runAlone("qwen3-32b:h100:1", 16, 101);
    expect((doneMs - firstTokenMs) / 100).toBeGreaterThan(24);
    expect((doneMs - firstTokenMs) / 100).toBeLessThan(25.5);
  });
});

function runAlone(shape: string, promptTokens: number, outputTokens: number) {
  const engine = createEngine(parseEngineShape(shape));
  engine.submit({ id: 1, promptTokens, outputTokens, blockKeys: new Float64Array(0) }, 0);
  while (engine.nextStepAtMs() !== Number.POSITIVE_INFINITY) {
    for (const event of engine.step(engine.nextStepAtMs())) if (event.kind === "done") return event.result;
  }
  throw new Error("the request did not end");
}
