import { Agent, request } from "undici";

/** A load of HTTP requests. */
export interface HttpLoad {
  /** `ip:port` of the server. */
  readonly address: string;
  readonly ratePerS: number;
  readonly seconds: number;
  /** Body of the `i`-th request. */
  readonly body: (i: number) => string;
  /** What a whole answer ends with. */
  readonly ending: string;
}

/** What a load showed. */
export interface HttpResult {
  readonly requests: number;
  readonly failed: number;
}

const tickMs = 2;

/** Open loop at even distances; resolves when all are answered. */
export async function runHttpLoad({ address, ratePerS, seconds, body, ending }: HttpLoad): Promise<HttpResult> {
  const dispatcher = new Agent({ connections: 256 });
  const pending: Promise<void>[] = [];
  const headers = { "content-type": "application/json" };
  let failed = 0;
  const one = async (i: number) => {
    const answer = await request(`http://${address}/v1/completions`, {
      method: "POST",
      dispatcher,
      headers,
      body: body(i),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || !text.endsWith(ending)) failed++;
  };
  const startedMs = performance.now();
  const total = ratePerS * seconds;
  await new Promise<void>((resolve) => {
    const ticker = setInterval(() => {
      const due = Math.min(total, ((performance.now() - startedMs) / 1000) * ratePerS);
      while (pending.length < due) pending.push(one(pending.length).catch(() => void failed++));
      if (pending.length < total) return;
      clearInterval(ticker);
      resolve();
    }, tickMs);
  });
  await Promise.all(pending);
  await dispatcher.close();
  return { requests: pending.length, failed };
}
