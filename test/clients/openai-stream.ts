import { request } from "undici";

/**
 * Data of the server-sent events of a streamed answer, as an OpenAI client reads them.
 * @param question sent as JSON; `undefined` = GET.
 * @throws {Error} when the answer is no stream, or is cut.
 */
export async function readEvents(url: string, question: object | undefined): Promise<readonly string[]> {
  const how = question === undefined ? {} : { method: "POST" as const, body: JSON.stringify(question) };
  const { statusCode, headers, body } = await request(url, how);
  if (statusCode !== 200 || !String(headers["content-type"]).startsWith("text/event-stream")) {
    throw new Error(`${url} answered ${statusCode}: ${await body.text()}`);
  }
  const events: string[] = [];
  let unread = "";
  for await (const chunk of body) {
    const parts = (unread + String(chunk)).split("\n\n");
    unread = parts.pop() ?? "";
    for (const part of parts) events.push(part.replace(/^data: /, ""));
  }
  return events;
}
