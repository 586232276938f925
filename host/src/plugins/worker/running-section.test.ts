import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { absoluteNow } from "./messages.ts";
import { createRunningSection } from "./running-section.ts";

it("tells who runs since when, and who ran before where that goes on", () => {
  const section = createRunningSection();
  const seen: unknown[] = [];
  const look = () => seen.push(section.instance, section.heldMs(1, absoluteNow() + 50) >= 50, section.heldMs(2, 0));
  section.run(1, () => {
    section.run(2, () => {
      seen.push(section.instance, section.heldMs(1, absoluteNow() + 50), section.heldMs(2, absoluteNow() + 50) >= 50);
    });
    look();
  });
  expect(seen).toEqual([2, 0, true, 1, true, 0]);
  expect([section.instance, section.heldMs(1, absoluteNow())]).toEqual([0, 0]);
});

it("never shows a thread that comes and goes as one that stays", async () => {
  const section = createRunningSection();
  const file = new URL("running-section.ts", import.meta.url).href;
  const code = `
    const { workerData, parentPort } = require("node:worker_threads");
    import(${JSON.stringify(file)}).then(({ createRunningSection }) => {
      const section = createRunningSection(workerData);
      parentPort.postMessage("ready");
      for (;;) section.run(1, () => section.run(2, () => {}));
    });`;
  const worker = new Worker(code, { eval: true, workerData: section.memory });
  onTestFinished(async () => void (await worker.terminate()));
  await once(worker, "message");
  let longest = 0;
  let looks = 0;
  for (let i = 0; i < 3_000_000; i += 1) {
    const { instance } = section;
    if (instance === 0) continue;
    looks += 1;
    longest = Math.max(longest, section.heldMs(instance, absoluteNow()));
  }
  expect(looks).toBeGreaterThan(0);
  // A thread that the machine lets wait may be seen for seconds, but for no age of the world.
  expect(longest).toBeLessThan(60_000);
});
