import type { DoneCause, NeedKey } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { openScheduling, post } from "./fixtures/open-scheduling.ts";
import type { Routed } from "./types.ts";

const asked: readonly NeedKey[] = ["events.picked", "events.done", "request.block_hashes", "events.answer_blocks"];
const content = "It is said that the ferry leaves at six. ".repeat(20);
const question = { role: "user", content: "When does the ferry leave? ".repeat(20) };
const answer = JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content } }], usage: {} });
const streamed = [content.slice(0, 333), content.slice(333)]
  .map((text) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`)
  .join("");

/** Hashes that a scorer sees of a conversation, and what it is told of the answer. */
async function converse(options: {
  readonly messages: readonly object[];
  readonly body?: string;
  readonly status?: number;
  readonly cause?: DoneCause;
  readonly granted?: readonly NeedKey[];
}) {
  const { messages, body = answer, status = 200, cause = "ok", granted = asked } = options;
  let hashes: readonly number[] = [];
  const { scheduler, heard } = openScheduling({
    granted,
    score({ request }, scores) {
      hashes = [...request.blockHashes];
      scores.fill(1);
    },
  });
  const request = { ...post(JSON.stringify({ model: "m", messages })), path: "/v1/chat/completions" };
  const routed = (await scheduler.decide(request)) as Routed;
  routed.responseHeaders(status, () => undefined, undefined);
  for (let at = 0; at < body.length; at += 50) routed.responseChunk(Buffer.from(body.slice(at, at + 50)));
  routed.end(cause);
  const done = heard.at(-1);
  return { hashes, learned: done?.kind === "done" ? done.blockHashes : undefined };
}

describe("plugins that ask for the blocks of an answer", () => {
  const bodies = { "in one piece": answer, "as a stream": `${streamed}data: [DONE]\n\n` };
  for (const [title, body] of Object.entries(bodies)) {
    it(`are told those that the next turn begins with behind this one's, ${title}`, async () => {
      const first = await converse({ messages: [question], body });
      const next = await converse({ messages: [question, { role: "assistant", content }, question] });
      const known = [...first.hashes, ...(first.learned ?? [])];
      expect(first.learned?.length).toBeGreaterThanOrEqual(2 * Math.floor(content.length / 256));
      expect(next.hashes.slice(0, known.length)).toEqual(known);
    });
  }

  const untold: readonly { title: string; more: Partial<Parameters<typeof converse>[0]> }[] = [
    { title: "its client has left", more: { cause: "client_cancelled" } },
    { title: "the endpoint did not finish", more: { cause: "upstream_error" } },
    { title: "is a refusal", more: { status: 400 } },
    { title: "is a failure by its status", more: { status: 503 } },
    { title: "is no JSON", more: { body: "no healthy upstream" } },
    { title: "nobody asked for", more: { granted: ["events.done", "request.block_hashes"] } },
  ];
  for (const { title, more } of untold) {
    it(`are told none of an answer that ${title}`, async () => {
      expect((await converse({ messages: [question], ...more })).learned).toBeUndefined();
    });
  }
});
