import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { runCli } from "./cli.ts";
import { configRollbackCommand } from "./config-rollback.ts";
import { configWeightsCommand } from "./config-weights.ts";

let err = "";
beforeEach(() => {
  err = "";
  process.exitCode = undefined;
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const commands = {
  weights: { about: "weigh", load: async () => configWeightsCommand() },
  rollback: { about: "go back", load: async () => configRollbackCommand() },
};

const wrong: readonly { words: string; want: string }[] = [
  { words: "weights default --for 10m", want: "no weight is given (write default queue=2.5 --for 10m)" },
  { words: "weights default queue=2", want: "--for must say how long, with its unit (write --for 10m)" },
  { words: "weights default queue=2 --for 10", want: "--for must say how long" },
  { words: "weights default queue --for 10m", want: '"queue" is no weight (write queue=2.5)' },
  { words: "weights default queue=-1 --for 10m", want: '"queue=-1" is no weight' },
  { words: "weights default queue=NaN --for 10m", want: '"queue=NaN" is no weight' },
  { words: "weights default queue=1e3 --for 10m", want: '"queue=1e3" is no weight' },
  { words: "weights --for 10m", want: "--for needs a profile and weights" },
  { words: "weights default queue=1 --clear", want: "--clear takes a profile alone" },
  { words: "weights --admin nowhere:x", want: "--admin must be a URL" },
  { words: "rollback --to zero", want: "It must be a generation, from 1." },
  { words: "rollback --to 0", want: "It must be a generation, from 1." },
];
for (const { words, want } of wrong) {
  it(`refuses ${words}`, async () => {
    await runCli(words.split(" "), commands);
    expect(err).toContain(want);
    expect(process.exitCode).toBe(2);
  });
}

it("says that no host answers", async () => {
  await runCli("weights --admin 127.0.0.1:1".split(" "), commands);
  expect(err).toMatch(/does not answer \(ECONNREFUSED\); is the host running\?/);
  expect(process.exitCode).toBe(1);
});
