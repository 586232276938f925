import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Sent } from "../../clients/exchange.ts";
import type { Call, Place } from "./place.ts";

/** A completion request of about so many bytes. */
export function completion(bytes: number, model = "m"): string {
  return JSON.stringify({ model, prompt: "x".repeat(Math.max(1, bytes - 40)), max_tokens: 1 });
}

/** What a model server's `/sse` sends in full. */
export function events(chunks: number, bytes: number): string {
  return `${`data: ${"x".repeat(bytes - "data: \n\n".length)}\n\n`.repeat(chunks)}data: [DONE]\n\n`;
}

/** Sends a request to `/echo` and checks that its body arrived unchanged at the endpoint the host picked. */
export async function expectCarried(place: Place, sent: Sent, query = ""): Promise<Call> {
  const call = await place.ask(`/echo${query}`, sent);
  await expectEcho(place, call, sent.body ?? "");
  return call;
}

/** Checks that an answer of `/echo` tells of this body, and that it came from the endpoint the host picked. */
export async function expectEcho(place: Place, call: Call, body: Buffer | string): Promise<void> {
  const { status, body: text, isCut } = call.answer;
  expect({ status, isCut }, text.toString()).toEqual({ status: 200, isCut: false });
  expect(JSON.parse(text.toString()), text.toString()).toMatchObject({
    bodyBytes: Buffer.byteLength(body),
    sha256: sha256(body),
  });
  await place.expectFollowed(call);
}

function sha256(body: Buffer | string): string {
  return createHash("sha256").update(body).digest("hex");
}
