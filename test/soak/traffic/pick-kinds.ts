import { request } from "undici";
import { type Answer, ask } from "./ask.ts";
import { aborted, bad, badStatus, type Ending } from "./ending.ts";
import { hasStatus } from "./plain-kinds.ts";
import { chat, completion, longCompletion } from "./prompts.ts";
import type { RequestKind, Shot } from "./request-kind.ts";

const service = "/outrider.picker.v1.PickerService";
const path = "/v1/chat/completions";

/** What a gateway of one's own asks of the Pick RPC. */
export const pickKinds: readonly RequestKind[] = [
  { name: "pick, send, complete", weight: 4, run: (shot) => pickAndSend(shot, chat(shot.i, { max_tokens: 16 })) },
  {
    name: "pick by facts, complete",
    weight: 3,
    run: (shot) => pick(shot, factsOf(shot.i), (id) => complete(shot, id)),
  },
  {
    name: "pick by 400 kB, complete",
    weight: 1,
    run: (shot) => pick(shot, bodyOf(longCompletion(shot.i, {})), (id) => complete(shot, id)),
  },
  {
    name: "pick, complete twice",
    weight: 1,
    run: (shot) =>
      pick(shot, factsOf(shot.i), async (id) => {
        const first = await complete(shot, id);
        return first.kind === "well" ? complete(shot, id, 404) : first;
      }),
  },
  { name: "pick, never complete", weight: 1, run: (shot) => pick(shot, factsOf(shot.i), async () => aborted) },
  {
    name: "pick, gone at once",
    weight: 1,
    run: (shot) => {
      const goesAway = AbortSignal.timeout(Math.floor(shot.random() * 5));
      const body = JSON.stringify(bodyOf(completion(shot.i, {})));
      return ask(shot, { path: `${service}/Pick`, body, goesAway }, hasStatus(200));
    },
  },
  {
    name: "pick for a wrong body",
    weight: 1,
    run: (shot) => ask(shot, { path: `${service}/Pick`, body: JSON.stringify(bodyOf('{"model":')) }, hasStatus(400)),
  },
  {
    name: "wrong pick",
    weight: 1,
    run: (shot) => ask(shot, { path: `${service}/Pick`, body: "[1,2" }, hasStatus(400)),
  },
];

function bodyOf(text: string) {
  return { path, body: Buffer.from(text).toString("base64") };
}

function factsOf(i: number) {
  return { model: `model-${i % 5}`, facts: { stream: i % 2 === 0, promptText: `group ${i % 20} `.repeat(50) } };
}

/** Asks where to, and goes on with the id of the decision and the endpoint. */
function pick(
  shot: Shot,
  message: object,
  goOn: (decisionId: string, endpoint: string) => Promise<Ending>,
): Promise<Ending> {
  return ask(shot, { path: `${service}/Pick`, body: JSON.stringify(message) }, async ({ statusCode, body }: Answer) => {
    const text = await body.text();
    if (statusCode !== 200) return badStatus(statusCode, text);
    const { decisionId, endpoints } = JSON.parse(text) as { decisionId: string; endpoints: readonly string[] };
    const [endpoint] = endpoints;
    return endpoint === undefined ? bad("content", text) : goOn(decisionId, endpoint);
  });
}

function pickAndSend(shot: Shot, body: string): Promise<Ending> {
  return pick(shot, bodyOf(body), async (decisionId, endpoint) => {
    const { dispatcher, tooLong: signal } = shot;
    const options = { method: "POST", body, dispatcher, signal } as const;
    const sent = await request(`http://${endpoint}${path}`, options).catch(() => undefined);
    await sent?.body.dump();
    const ended = sent === undefined ? { cause: "upstream_error" } : { status: sent.statusCode };
    return complete(shot, decisionId, 200, ended);
  });
}

function complete(shot: Shot, decisionId: string, status = 200, ended: object = { status: 200 }): Promise<Ending> {
  const body = JSON.stringify({ decisionId, ...ended });
  return ask(shot, { path: `${service}/Complete`, body }, hasStatus(status));
}
