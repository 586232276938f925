import { runCli } from "@outrider/host/commands/cli";
import { configCommand } from "@outrider/host/commands/config";
import { plugins } from "outrider/plugins";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configsFolder } from "./restated.ts";

const schema = new URL("../../../host/outrider/config.schema.json", import.meta.url);
const commands = { config: { about: "", load: async () => configCommand(plugins, schema) } };

let out = "";
beforeEach(() => {
  out = "";
  process.exitCode = undefined;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

describe("outrider config explain", () => {
  for (const file of ["reference/chart-default", "reference/sim-e-p-d-epp-config", "ours/everything"]) {
    it(`says what ${file}.yaml does`, async () => {
      await runCli(["config", "explain", `${configsFolder}/${file}.yaml`], commands);
      const text = out.replaceAll(`${configsFolder}/`, "");
      await expect(text).toMatchFileSnapshot(`${configsFolder}/${file}.explained.txt`);
    });
  }
});
