import { Readable } from "node:stream";
import { type Dispatcher, request } from "undici";
import { aborted, bad, type Ending } from "./ending.ts";
import type { Shot } from "./request-kind.ts";

/** One HTTP request. */
export interface Question {
  readonly path: string;
  /** Default POST. */
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default none. */
  readonly body?: string | (() => AsyncIterable<Buffer>);
  /** The client goes away at this signal, and that is well. */
  readonly goesAway?: AbortSignal;
}

/** What came back, its body yet to be read. */
export type Answer = Dispatcher.ResponseData;

/** Asks, has the answer judged, and makes of what goes wrong on the way an ending. */
export async function ask(
  { door, dispatcher, tooLong }: Shot,
  { path, method = "POST", headers = {}, body, goesAway }: Question,
  judge: (answer: Answer) => Promise<Ending>,
): Promise<Ending> {
  const signal = goesAway === undefined ? tooLong : AbortSignal.any([tooLong, goesAway]);
  try {
    const answer = await request(`${door}${path}`, {
      method,
      dispatcher,
      signal,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : Readable.from(body()) }),
    });
    answer.body.on("error", ignore);
    return await judge(answer);
  } catch (error) {
    if (goesAway?.aborted === true) return aborted;
    if (tooLong.aborted) return bad("silent", `${method} ${path} took too long`);
    return bad("cut", `${method} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function ignore(): void {}
