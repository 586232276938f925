import { createRequestFacts, type FactNeeds } from "@outrider/core";
import type { Table } from "../section.ts";
import { format, median } from "../windows.ts";
import { type ChatBody, chatBodies } from "./chat-bodies.ts";

const nobody: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [],
  answerBlocks: false,
  headers: [],
};
const somebody: FactNeeds = { ...nobody, promptText: true };
const windowMs = 200;
/** Goals. */
const mostUnread = 0.2;
const mostRead = 1.3;

/** What it costs to read a body of a chat whose text nobody needs, and one whose text somebody does, hashing apart. */
export function measureParsing(windows: number): Table {
  const rows = chatBodies.map((body) => measureBody(body, windows));
  const notes = [
    `Read: facts made, the body checked, model and tokens read; the text where it is needed. In this process.`,
    `Unread ÷ read at most ${mostUnread}, read ÷ (Buffer to string + JSON.parse) at most ${mostRead}: medians of ${windows} windows.`,
  ];
  return { title: "400 kB chat: CPU of the parser", rows, notes, failed: 0 };
}

function measureBody({ title, chunks }: ChatBody, windows: number) {
  const whole = Buffer.concat(chunks);
  const parse = () => JSON.parse(whole.toString("utf8"));
  const results = Array.from({ length: windows + 1 }, () => ({
    unread: cpuUs(() => read(chunks, nobody)),
    read: cpuUs(() => read(chunks, somebody)),
    parse: cpuUs(parse),
  })).slice(1);
  const middle = (of: (window: (typeof results)[number]) => number) => format(median(results.map(of)));
  return {
    chat: title,
    "unread µs": middle(({ unread }) => unread),
    "read µs": middle(({ read: us }) => us),
    "string + JSON.parse µs": middle(({ parse: us }) => us),
    "unread ÷ read": middle(({ unread, read: us }) => unread / us),
    "read ÷ parse": middle(({ read: us, parse: base }) => us / base),
  };
}

function read(body: readonly Uint8Array[], needs: FactNeeds): number {
  const facts = createRequestFacts({ path: "/v1/chat/completions", header: () => undefined, body }, "bench", { needs });
  const fault = facts.prepare();
  if (fault !== undefined || facts.model === "") throw new Error(`the body is refused: ${fault}`);
  return facts.promptTokens;
}

/** CPU of one call in µs by the operating system, all threads, over a window of calls. */
function cpuUs(call: () => unknown): number {
  const start = performance.now();
  const before = process.cpuUsage();
  let calls = 0;
  for (; performance.now() - start < windowMs; calls++) call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
