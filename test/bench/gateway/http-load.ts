import { Agent, request } from "undici";

/** A load of HTTP requests. */
export interface HttpLoad {
  /** `ip:port` of the server. */
  readonly address: string;
  /** Requests a second at even distances, or so many at once, each behind the answer to another. */
  readonly pace: { readonly ratePerS: number } | { readonly inFlight: number };
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

/** Resolves when all are answered. */
export async function runHttpLoad({ address, pace, seconds, body, ending }: HttpLoad): Promise<HttpResult> {
  const dispatcher = new Agent({ connections: 256 });
  const headers = { "content-type": "application/json" };
  let requests = 0;
  let failed = 0;
  const one = async () => {
    const answer = await request(`http://${address}/v1/completions`, {
      method: "POST",
      dispatcher,
      headers,
      body: body(requests++),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || !text.endsWith(ending)) failed++;
  };
  const ask = () => one().catch(() => void failed++);
  await ("inFlight" in pace ? runClosed(ask, pace.inFlight, seconds) : runOpen(ask, pace.ratePerS, seconds));
  await dispatcher.close();
  return { requests, failed };
}

async function runClosed(ask: () => Promise<void>, inFlight: number, seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000;
  const client = async () => {
    while (performance.now() < endMs) await ask();
  };
  await Promise.all(Array.from({ length: inFlight }, client));
}

async function runOpen(ask: () => Promise<void>, ratePerS: number, seconds: number): Promise<void> {
  const pending: Promise<void>[] = [];
  const startedMs = performance.now();
  const total = ratePerS * seconds;
  await new Promise<void>((resolve) => {
    const ticker = setInterval(() => {
      const due = Math.min(total, ((performance.now() - startedMs) / 1000) * ratePerS);
      while (pending.length < due) pending.push(ask());
      if (pending.length < total) return;
      clearInterval(ticker);
      resolve();
    }, tickMs);
  });
  await Promise.all(pending);
}
