/** Asks Outrider where a request should go, sends it there, and says what became of it. */

interface Pick {
  readonly decisionId: string;
  readonly endpoints: readonly string[];
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Base64; the body to send where that is not the client's. */
  readonly body?: string;
}

interface Answer {
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number };
}

const [host = "http://127.0.0.1:9005", model = "m"] = process.argv.slice(2);
const path = "/v1/chat/completions";
const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }], max_tokens: 16 });
const json = { "content-type": "application/json" };

async function call<T>(method: "Pick" | "Complete", message: object): Promise<T> {
  const url = `${host}/outrider.picker.v1.PickerService/${method}`;
  const signal = AbortSignal.timeout(2_000);
  const response = await fetch(url, { method: "POST", headers: json, body: JSON.stringify(message), signal });
  if (!response.ok) throw new Error(`refused: ${await response.text()}`);
  return (await response.json()) as T;
}

/** The first endpoint that takes the connection answers. */
async function send(pick: Pick): Promise<{ readonly served: string; readonly response: Response } | undefined> {
  const headers = { ...json, ...Object.fromEntries(pick.headers.map(({ name, value }) => [name, value])) };
  const sent = pick.body === undefined ? body : Buffer.from(pick.body, "base64");
  for (const served of pick.endpoints) {
    const response = await fetch(`http://${served}${path}`, { method: "POST", headers, body: sent }).catch(
      () => undefined,
    );
    if (response !== undefined) return { served, response };
  }
  return undefined;
}

const startedAt = performance.now();
const pick = await call<Pick>("Pick", { path, body: Buffer.from(body).toString("base64") });
const { decisionId } = pick;
const sent = await send(pick);
if (sent === undefined) {
  await call("Complete", { decisionId, cause: "upstream_error" });
  throw new Error(`no endpoint of ${pick.endpoints.join(", ")} takes a connection`);
}
const { served, response } = sent;
const { usage } = (await response.json()) as Answer;
const counts = { promptTokens: usage?.prompt_tokens, outputTokens: usage?.completion_tokens };
const e2eMs = performance.now() - startedAt;
await call("Complete", { decisionId, status: response.status, served, usage: counts, e2eMs });
console.log(`decision ${decisionId} endpoint ${served} status ${response.status}`);
