import { median } from "../windows.ts";
import { openPool } from "./pool-table.ts";

const decisions = 4_000;
/** The last of them count: by then all is compiled. */
const counted = 1_000;

/** Time of a cycle over so many endpoints, start to pick, in µs; the median, all scorers answer at once. */
export async function measureCycle(endpoints: number): Promise<number> {
  const { scheduler, ring, stop } = await openPool(endpoints);
  const durationsUs: number[] = [];
  for (let i = 0; i < decisions; i++) {
    const body = [Buffer.from(JSON.stringify({ model: "qwen3-32b", prompt: `${i} `.repeat(400) }))];
    const header = (name: string) => (name === "x-session-id" ? `s${i % 50}` : undefined);
    const request = { path: "/v1/completions", header, body, subset: undefined };
    const decided = await scheduler.decide({
      door: "ext_proc",
      isBodyHidden: false,
      ...request,
    });
    if (decided.kind === "refused") throw new Error(decided.message);
    decided.end("ok");
    durationsUs.push(ring.latest(1)[0]!.durationUs);
  }
  await stop();
  return median(durationsUs.slice(-counted));
}
