import { describe, expect, it } from "vitest";
import { type FleetOptions, fromFlags, resolveOptions, toFlags } from "./options.ts";

describe("options", () => {
  const wrong: { title: string; options: FleetOptions; message: RegExp }[] = [
    { title: "no servers", options: { servers: 0 }, message: /--servers cannot be 0/ },
    { title: "half a server", options: { servers: 1.5 }, message: /--servers cannot be 1.5/ },
    { title: "time that stands still", options: { timeScale: 0 }, message: /--time-scale cannot be 0/ },
    { title: "no engines", options: { engines: [] }, message: /--engines cannot be \[\]/ },
    { title: "a model that breaks a label", options: { models: ['a"b'] }, message: /--models cannot be/ },
    { title: "an adapter that breaks a list", options: { adapters: ["a,b"] }, message: /--adapters cannot be/ },
    { title: "empty answers", options: { defaultOutputTokens: 0 }, message: /--default-output-tokens cannot be 0/ },
  ];
  for (const { title, options, message } of wrong) {
    it(`refuse ${title}`, () => expect(() => resolveOptions(options)).toThrow(message));
  }

  const wrongFlags = [
    { title: "an unknown flag", args: ["--server", "1"], message: /--server/ },
    { title: "a number in words", args: ["--servers", "many"], message: /--servers cannot be "many"/ },
    { title: "an empty number", args: ["--tick-ms", ""], message: /--tick-ms cannot be ""/ },
    { title: "a stray word", args: ["8"], message: /8/ },
  ];
  for (const { title, args, message } of wrongFlags) {
    it(`refuse ${title}`, () => expect(() => fromFlags(args)).toThrow(message));
  }

  it("come back from their flags", () => {
    const options = { servers: 3, timeScale: 0.02, engines: ["qwen3-32b:h100:2", "qwen3-32b:a100:4"], models: ["a"] };
    expect(fromFlags([...toFlags(options), "--json"])).toEqual({ options, json: true });
  });
});
