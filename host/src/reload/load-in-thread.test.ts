import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catalogue } from "../config/fixtures/catalogue.ts";
import { loadConfig } from "../config/load.ts";
import { toText } from "./fixtures/open-reload.ts";
import { loadInThread } from "./load-in-thread.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrider-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** URL of a module that exports a catalogue. */
function module(name: string, code: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, code);
  return pathToFileURL(path).href;
}

const fixtures = () => {
  const url = new URL("../config/fixtures/catalogue.ts", import.meta.url).href;
  return module("fixtures", `export { catalogue as plugins } from ${JSON.stringify(url)};`);
};
const raw = (text: string) => ({ name: "epp.yaml", bytes: Buffer.from(text), folder });

describe("a configuration that is checked in a thread", () => {
  for (const [title, text] of [
    ["one that is fine", toText()],
    ["one with faults", toText("budgett: 5ms\nresponses: some\n")],
    ["one that is no text", "\xff"],
  ] as const) {
    it(`comes to the same as without: ${title}`, async () => {
      const here = await loadConfig(raw(text), catalogue);
      expect(await loadInThread({ raw: raw(text), catalogue: fixtures() })).toStrictEqual(structuredClone(here));
    });
  }

  const bad = [
    { title: "a catalogue that throws", code: `throw new Error("out of luck");`, message: /out of luck/ },
    { title: "a catalogue that ends its thread", code: "process.exit(3);", message: /exit code 3/ },
    { title: "a catalogue that loops", code: "for (;;);", message: /longer than 0.5 s/ },
    {
      title: "a catalogue that grows without end",
      code: "const all = []; for (;;) all.push(new Array(1e5).fill({}));",
      message: /memory/,
      timeoutMs: 60_000,
    },
  ];
  for (const { title, code, message, timeoutMs = 500 } of bad) {
    it(`is an error, and no more, with ${title}`, { timeout: 60_000 }, async () => {
      const catalogue = module(title.replaceAll(" ", "-"), `${code}\nexport const plugins = {};`);
      const wait = message.source.includes("longer") ? timeoutMs : 60_000;
      await expect(loadInThread({ raw: raw(toText()), catalogue }, wait)).rejects.toThrow(message);
    });
  }
});
