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

type Entry = Readonly<Record<string, unknown>>;

/** Sends that are told in words: the whole sentence, and the messages it means. */
const sentences: readonly {
  readonly pattern: RegExp;
  readonly send: (value: string, other: string) => Partial<SendPlan> & { readonly entries: readonly Entry[] };
}[] = [
  { pattern: /^any routed request$/, send: () => ({ entries: postOf(100, 100) }) },
  { pattern: /^(?:any|a) (?:GET|headers-only request|request without (?:a )?body)$/, send: () => ({ entries: [get] }) },
  {
    pattern: /^(?:any|a) (?:POST|request) with (?:an )?empty body$/,
    send: () => ({ entries: [postHeaders, { type: "request_body", body_text: "", end_of_stream: true }] }),
  },
  {
    pattern: /^(?:any|a) request with (?:request )?trailers$/,
    send: () => ({
      entries: [...withoutEnd(postOf(100, 100)), { type: "request_trailers", trailers: { "x-t": "1" } }],
    }),
  },
  {
    pattern: /^(?:any|a) response with (?:response )?trailers$/,
    send: () => ({
      entries: [...postOf(100, 100), responseHeaders, ...bodyOf(100, 100, false), { type: "response_trailers" }],
    }),
  },
  {
    pattern: /^(?:any|a) complete (?:exchange|request and response)$/,
    send: () => ({ entries: [...postOf(100, 100), responseHeaders, ...bodyOf(100, 100, true)] }),
  },
  {
    pattern: /^picker returns (\w+) endpoints?$/,
    send: (count) => ({ entries: postOf(100, 100), maxEndpoints: toNumber(count) }),
  },
  {
    pattern: /^([\d ]+)-byte (?:request )?body(?: in one (?:chunk|message))?$/,
    send: (bytes) => ({ entries: postOf(toNumber(bytes), toNumber(bytes)) }),
  },
  {
    pattern: /^([\d ]+)-byte (?:request )?body in ([\d ]+ KiB|[\d ]+[- ]bytes?) (?:chunks|messages)$/,
    send: (bytes, chunk) => ({ entries: postOf(toNumber(bytes), toBytes(chunk)) }),
  },
  {
    pattern: /^([\d ]+)-byte response body in ([\d ]+ KiB|[\d ]+[- ]bytes?) (?:chunks|messages)$/,
    send: (bytes, chunk) => ({
      entries: [...postOf(100, 100), responseHeaders, ...bodyOf(toNumber(bytes), toBytes(chunk), true)],
    }),
  },
  {
    pattern: /^(?:cancel the gRPC stream|the client leaves) after (request_headers|request_body|the request)$/,
    send: (part) => ({ entries: part === "request_headers" ? [postHeaders] : postOf(100, 100), cancels: true }),
  },
  {
    pattern: /^(?:cancel the gRPC stream|the client leaves) after response_headers$/,
    send: () => ({ entries: [...postOf(100, 100), responseHeaders], cancels: true }),
  },
  {
    pattern:
      /^(?:cancel the gRPC stream|the client leaves) (?:after the first response_body(?: chunk)?|mid(?:-| )response)$/,
    send: () => ({ entries: [...postOf(100, 100), responseHeaders, ...bodyOf(100, 100, false)], cancels: true }),
  },
];

const get = { type: "request_headers", headers: { ":method": "GET", ":path": "/v1/models" }, end_of_stream: true };
const postHeaders = {
  type: "request_headers",
  headers: { ":method": "POST", ":path": "/v1/completions", "content-type": "application/json" },
  end_of_stream: false,
};
const responseHeaders = { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false };
const numberWords = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Reads `send[]`: messages, or a sentence with messages behind it. */
export function toSendPlan(entries: readonly unknown[]): SendPlan {
  if (!entries.some((entry) => typeof entry === "string")) return toPlan(entries);
  const [sentence, ...further] = entries;
  const isMixed = further.some((entry) => typeof entry === "string");
  if (typeof sentence !== "string" || isMixed) throw new NotApplicable("in words", JSON.stringify(entries));
  for (const { pattern, send } of sentences) {
    const match = pattern.exec(sentence);
    if (match === null) continue;
    const { entries: messages, ...rest } = send(match[1] ?? "", match[2] ?? "");
    return { ...toPlan([...messages, ...further]), ...rest };
  }
  throw new NotApplicable("in words", sentence);
}

function toPlan(entries: readonly unknown[]): SendPlan {
  const objects = new Fields({ send: entries }, "case").objects("send");
  return { messages: objects.map((entry, i) => toMessage(entry, i === 0)), maxEndpoints: 1, cancels: false };
}

/** A completion whose body has exactly as many bytes, in chunks. */
export function postOf(bytes: number, chunkBytes: number): readonly Entry[] {
  const frame = JSON.stringify({ model: "my-model", prompt: "" });
  const body = frame.replace('"prompt":""', `"prompt":"${"x".repeat(Math.max(0, bytes - frame.length))}"`);
  return [postHeaders, ...toChunks("request_body", body, chunkBytes, true)];
}

/** A response's body of as many bytes, in chunks. */
function bodyOf(bytes: number, chunkBytes: number, ends: boolean): readonly Entry[] {
  return toChunks("response_body", "x".repeat(bytes), chunkBytes, ends);
}

function toChunks(type: string, body: string, chunkBytes: number, ends: boolean): readonly Entry[] {
  const count = Math.max(1, Math.ceil(body.length / chunkBytes));
  return Array.from({ length: count }, (_, i) => ({
    type,
    body_text: body.slice(i * chunkBytes, (i + 1) * chunkBytes),
    end_of_stream: ends && i === count - 1,
  }));
}

/** Messages whose end is told by what comes behind them. */
function withoutEnd(entries: readonly Entry[]): readonly Entry[] {
  return entries.map((entry) => ({ ...entry, end_of_stream: false }));
}

/** A count in digits, with or without blanks between thousands, or in words. */
function toNumber(words: string): number {
  const index = numberWords.indexOf(words);
  return index >= 0 ? index : Number(words.replaceAll(" ", ""));
}

/** `64 KiB` or `500-byte`. */
function toBytes(size: string): number {
  const amount = Number(size.replace(/[^\d]/g, ""));
  return size.endsWith("KiB") ? amount * 1024 : amount;
}
