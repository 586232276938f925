import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commands } from "./commands.ts";
import { plugins } from "./plugins.ts";

describe("the catalogue of commands", () => {
  for (const [name, { load }] of Object.entries(commands)) {
    it(`has ${name}`, async () => expect((await load()).name()).toBe(name));
  }
});

describe("the catalogue of plugin types", () => {
  for (const [type, builtin] of Object.entries(plugins)) {
    it(`has ${type}, to be loaded and to be run as a process`, async () => {
      expect((await builtin.load()).type).toBe(type);
      expect(existsSync(builtin.main)).toBe(true);
    });
  }
});
