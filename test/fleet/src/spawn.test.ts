import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { spawnFleet } from "./spawn.ts";
import { chat } from "./testing/http.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

describe("main.ts", () => {
  const wrong = [
    { title: "an unknown flag", args: ["--pods", "3"], message: /--pods/ },
    { title: "an engine it does not know", args: ["--engines", "gpt-9:h100:2"], message: /"gpt-9" is none of/ },
    { title: "a value that is no number", args: ["--servers", "x"], message: /--servers cannot be "x"/ },
  ];
  for (const { title, args, message } of wrong) {
    it(`ends with 2 and the usage for ${title}`, async () => {
      const child = spawn(process.execPath, [main, ...args]);
      const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
      expect(said).toMatch(message);
      expect(said).toContain("Usage: main.ts");
      expect(code).toBe(2);
    });
  }

  const endings = [
    { title: "its standard input ends", end: (child: ReturnType<typeof spawn>) => child.stdin!.end() },
    { title: "it gets SIGTERM", end: (child: ReturnType<typeof spawn>) => child.kill("SIGTERM") },
  ];
  for (const { title, end } of endings) {
    it(`prints one line of JSON, and ends when ${title}`, async () => {
      const child = spawn(process.execPath, [main, "--servers", "2", "--json"]);
      const [line] = await once(child.stdout, "data");
      const { endpoints, control } = JSON.parse(String(line));
      expect(endpoints).toHaveLength(2);
      expect(control).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      end(child);
      expect(await once(child, "exit")).toEqual([0, null]);
    });
  }
});

describe("spawnFleet", () => {
  it("serves from a process of its own, told and asked like one in this", async () => {
    const fleet = await spawnFleet({ servers: 2, timeScale: 0.02, models: ["tiny"] });
    expect(fleet.pid).not.toBe(process.pid);
    const [one, other] = fleet.endpoints;
    await fleet.fault(other, { errorShare: 1 });
    expect((await chat(one, "hi", { model: "tiny" })).status).toBe(200);
    expect((await chat(other, "hi")).status).toBe(500);
    expect((await fleet.stats()).total).toMatchObject({ requests: 2, completed: 1, failed: 1 });
    await expect(fleet.fault("nowhere", {})).rejects.toThrow(/no server nowhere/);
    await fleet.stop();
    await fleet.stop();
    await expect(chat(one, "hi")).rejects.toThrow(/ECONNREFUSED/);
  });

  it("rejects when the fleet cannot start", async () => {
    await expect(spawnFleet({ servers: 0 })).rejects.toThrow(/ended with 2 before it was ready/);
  });
});
