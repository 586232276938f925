import { Agent, request } from "undici";

/** Traffic at a steady rate. */
export interface TrafficOptions {
  /** Base URL of the gateway. */
  readonly door: string;
  readonly ratePerS: number;
  readonly count: number;
  /** Share of the requests whose client goes away in the middle; default 0. */
  readonly abortShare?: number;
}

/** How the requests of a run ended. */
export interface TrafficResult {
  readonly answered: number;
  readonly aborted: number;
  /** Why requests failed, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Open loop: a streamed completion every 1 ÷ rate seconds, whether earlier ones are answered or not. */
export async function runTraffic({ door, ratePerS, count, abortShare = 0 }: TrafficOptions): Promise<TrafficResult> {
  const dispatcher = new Agent({ connections: 512 });
  const failures: Record<string, number> = {};
  let answered = 0;
  let aborted = 0;
  const one = async (i: number) => {
    const abort = (i * abortShare) % 1 >= 1 - abortShare ? new AbortController() : undefined;
    const body = JSON.stringify({
      model: "m",
      prompt: `prompt ${i} `.repeat(30),
      max_tokens: abort === undefined ? 4 : 800,
      stream: true,
    });
    const headers = { "content-type": "application/json", "x-session-id": `s${i % 50}` };
    try {
      const signal = abort === undefined ? {} : { signal: abort.signal };
      if (abort !== undefined) setTimeout(() => abort.abort(), (i % 40) + 1);
      const response = await request(`${door}/v1/completions`, {
        method: "POST",
        headers,
        body,
        dispatcher,
        ...signal,
      });
      const text = await response.body.text();
      if (response.statusCode === 200 && text.includes("[DONE]")) answered++;
      else count1(failures, `${response.statusCode} ${text.slice(-100)}`);
    } catch (error) {
      if (abort?.signal.aborted === true) aborted++;
      else count1(failures, error instanceof Error ? error.message : String(error));
    }
  };
  const pending: Promise<void>[] = [];
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const ticker = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - startedAt) / 1000) * ratePerS));
      while (pending.length < due) pending.push(one(pending.length));
      if (pending.length < count) return;
      clearInterval(ticker);
      resolve();
    }, 2);
  });
  await Promise.all(pending);
  await dispatcher.close();
  return { answered, aborted, failures };
}

function count1(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
