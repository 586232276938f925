import { readFileSync } from "node:fs";

/** Bytes of content in a chat of 100,000 tokens. */
const contentBytes = 400_000;
/** Where Envoy cut such a body. */
const firstPartBytes = 65_344;

const prose =
  "The endpoint picker looks at what each model server has in its cache, and at how long its queue is.\n" +
  'Then it says: "that one", and the gateway sends the request there – it has 5 ms for it.\n\n';
const ascii = prose.replace("–", "-");
const source = readFileSync(new URL("body.ts", import.meta.url), "utf8").replaceAll(/[^ -~\n]/g, "-");

/** A chat whose messages have the given texts, in turn, as chunks of a request's body. */
export interface ChatBody {
  readonly title: string;
  readonly chunks: readonly Uint8Array[];
}

/** Chats of 400 kB. */
export const chatBodies: readonly ChatBody[] = [
  chatOf("messages of 2 kB, English", (i) => `${i}: ${ascii.repeat(11)}`),
  chatOf("one message, English", () => ascii.repeat(Math.ceil(contentBytes / ascii.length))),
  chatOf("messages of 200 bytes, English", (i) => `${i}: ${ascii}`),
  chatOf("messages of 2 kB, source code", (i) => source.slice((i * 997) % 1_000, ((i * 997) % 1_000) + 2_000)),
  chatOf("messages of 2 kB, a tenth beyond Latin-1", (i) => `${i}: ${(i % 10 === 0 ? prose : ascii).repeat(11)}`),
  chatOf("messages of 2 kB, all beyond Latin-1", (i) => `${i}: ${prose.repeat(11)}`),
];

function chatOf(title: string, contentOf: (index: number) => string): ChatBody {
  const messages: { readonly role: string; readonly content: string }[] = [];
  for (let bytes = 0; bytes < contentBytes; ) {
    const content = contentOf(messages.length);
    messages.push({ role: messages.length % 2 === 0 ? "user" : "assistant", content });
    bytes += Buffer.byteLength(content);
  }
  const body = Buffer.from(JSON.stringify({ model: "qwen3-32b", stream: true, max_tokens: 500, messages }));
  return { title, chunks: [body.subarray(0, firstPartBytes), body.subarray(firstPartBytes)] };
}
