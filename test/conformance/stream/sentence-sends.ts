import { Fields } from "../fields.ts";
import { NotApplicable } from "../verdict.ts";
import { type GatewayMessage, toMessage } from "./message.ts";

/** What a stream does, as `send[]` tells in messages or in words. */
export interface SendPlan {
  readonly messages: readonly GatewayMessage[];
  /** Longest list of endpoints a picker may give. */
  readonly maxEndpoints: number;
  /** Whether the gateway lets go of the stream behind the last message, as when its client leaves. */
  readonly cancels: boolean;
}

/** Sends that are told in words: the whole sentence, and what it means. */
const sentences: readonly { readonly pattern: RegExp; readonly plan: (value: string, other: string) => SendPlan }[] = [
  { pattern: /^any routed request$/, plan: () => toPlan(postOf(100, 100)) },
  {
    pattern: /^picker returns (\d+) endpoints$/,
    plan: (count) => ({ ...toPlan(postOf(100, 100)), maxEndpoints: Number(count) }),
  },
  {
    pattern: /^(\d+)-byte body in (\d+) KiB chunks$/,
    plan: (bytes, chunk) => toPlan(postOf(Number(bytes), Number(chunk) * 1024)),
  },
  {
    pattern: /^cancel the gRPC stream after response_headers$/,
    plan: () => ({ ...toPlan([...postOf(100, 100), responseHeaders]), cancels: true }),
  },
];

const responseHeaders = { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false };

/** Reads `send[]`. */
export function toSendPlan(entries: readonly unknown[]): SendPlan {
  if (!entries.some((entry) => typeof entry === "string")) return toPlan(entries);
  const [sentence] = entries;
  if (typeof sentence !== "string" || entries.length > 1) throw new NotApplicable("in words", JSON.stringify(entries));
  for (const { pattern, plan } of sentences) {
    const match = pattern.exec(sentence);
    if (match !== null) return plan(match[1] ?? "", match[2] ?? "");
  }
  throw new NotApplicable("in words", sentence);
}

function toPlan(entries: readonly unknown[]): SendPlan {
  const { values } = new Fields({ send: entries }, "case");
  const objects = new Fields(values, "case").objects("send");
  return { messages: objects.map((entry, i) => toMessage(entry, i === 0)), maxEndpoints: 1, cancels: false };
}

/** A completion whose body has exactly as many bytes, in chunks. */
export function postOf(bytes: number, chunkBytes: number): readonly Record<string, unknown>[] {
  const frame = JSON.stringify({ model: "my-model", prompt: "" });
  const body = frame.replace('"prompt":""', `"prompt":"${"x".repeat(Math.max(0, bytes - frame.length))}"`);
  const headers = { ":method": "POST", ":path": "/v1/completions", "content-type": "application/json" };
  const messages: Record<string, unknown>[] = [{ type: "request_headers", headers, end_of_stream: false }];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const part = body.slice(at, at + chunkBytes);
    messages.push({ type: "request_body", body_text: part, end_of_stream: at + chunkBytes >= body.length });
  }
  return messages;
}
