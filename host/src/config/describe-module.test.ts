import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeModule } from "./describe-module.ts";

const ask = (module: URL, type = "any", parameters: unknown = {}, timeoutMs?: number) =>
  describeModule({ path: fileURLToPath(module), type, parameters }, timeoutMs);
const scorers = new URL("fixtures/modules/scorers.ts", import.meta.url);
const helpers = new URL("fixtures/modules/helpers.ts", import.meta.url);
const throws = new URL("fixtures/modules/throws.ts", import.meta.url);
const exits = new URL("fixtures/modules/exits.ts", import.meta.url);
const waits = new URL("fixtures/modules/waits.ts", import.meta.url);
const grows = new URL("fixtures/modules/grows.ts", import.meta.url);
const loops = new URL("fixtures/modules/loops.ts", import.meta.url);
const strange = new URL("fixtures/modules/strange.ts", import.meta.url);

describe("a module that", { timeout: 60_000 }, () => {
  const broken = [
    { title: "throws while it is imported", file: throws, message: /^the model file is missing$/ },
    { title: "ends its thread", file: exits, message: /^it ends its thread, with exit code 3$/ },
    {
      title: "waits forever while it is imported",
      file: waits,
      message: /^it ends its thread, with exit code \d+$/,
    },
    { title: "eats all memory", file: grows, message: /memory limit/i },
    { title: "is not there", file: new URL("nothing.ts", import.meta.url), message: /Cannot find module/ },
    { title: "has a schema that throws", file: strange, type: "strange", message: /^not today$/ },
    {
      title: "is no code",
      file: new URL("fixtures/faulty/files/text.pem", import.meta.url),
      message: /Unknown file extension/,
    },
  ];
  for (const { title, file, type, message } of broken) {
    it(`${title} is broken`, async () => {
      expect(await ask(file, type, {}, 60_000)).toEqual({ kind: "broken", message: expect.stringMatching(message) });
    });
  }

  it("loops while it is imported is broken when the time is up", async () => {
    expect(await ask(loops, "any", {}, 200)).toEqual({ kind: "broken", message: "it is not loaded after 0.2 s" });
  });

  it("declares other types is named with what it has", async () => {
    expect(await ask(scorers)).toEqual({
      kind: "absent",
      types: ["guess", "short-queue"],
      names: ["guess", "helper", "shortQueue"],
    });
  });

  it("declares none is named with what it exports", async () => {
    expect(await ask(helpers)).toEqual({ kind: "absent", types: [], names: ["one", "two"] });
  });

  it("declares the type is described, with what is wrong with the parameters", async () => {
    expect(await ask(scorers, "short-queue", { saturation: 0 })).toMatchObject({
      kind: "found",
      type: {
        kind: "scorer",
        state: "local",
        needs: [{ key: "waiting_requests" }, { key: "request.prompt_text", maxBytes: 10 }],
        produces: [],
      },
      issues: [{ path: ["saturation"], code: "too_small", minimum: 0, inclusive: false }],
    });
    expect(await ask(scorers, "guess", undefined)).toMatchObject({
      kind: "found",
      type: { kind: "producer", produces: ["data.predicted_ttft_ms"] },
      issues: [],
    });
  });
});
