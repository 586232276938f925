import http from "node:http";
import { create, type DescMessage, fromJson, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import {
  ConfigureRequestSchema,
  ConfigureResponseSchema,
  HandshakeResponseSchema,
  PushFeedbackRequestSchema,
  PushStateRequestSchema,
  PushStateResponseSchema,
  ScoreRequestSchema,
  ScoreResponseSchema,
} from "@outrider/protos/scorer";
import { configure, newConversation, takeChunk } from "./conversation.ts";
import { evaluate, type PluginParts, toHello } from "./honest-plugin.ts";

/** Answers one method with JSON; `undefined` = it is not served. */
type Answerer = (method: string, body: JsonValue) => JsonValue | undefined;

/** Serves a plugin of unary calls on a port of loopback. */
export function serveUnary(parts: PluginParts, port: number, token: string): void {
  const answer = parts.served === "basic" ? basicAnswers(parts) : replicatedAnswers(parts);
  let running = 0;
  const server = http.createServer((request, response) => {
    running += 1;
    response.once("close", () => {
      running -= 1;
    });
    if (parts.http.isSingle && running > 1) {
      response.writeHead(503).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    const answerNow = () => reply(parts, request, response, Buffer.concat(chunks), { answer, token });
    request.on("end", () => (parts.http.isSingle ? setTimeout(answerNow, 2) : answerNow()));
  });
  server.listen(port, "127.0.0.1");
}

function reply(
  { served, checksToken, http: options }: PluginParts,
  { url = "", headers }: http.IncomingMessage,
  response: http.ServerResponse,
  bytes: Buffer,
  { answer, token }: { readonly answer: Answerer; readonly token: string },
): void {
  const send = (status: number, json: unknown) => {
    const text = JSON.stringify(json);
    response.writeHead(status, {
      "content-type": options.contentType,
      ...(options.isChunked ? {} : { "content-length": Buffer.byteLength(text) }),
      ...(options.keepsAlive ? {} : { connection: "close" }),
    });
    response.end(text);
  };
  if (served === "replicated" && checksToken && headers.authorization !== `Bearer ${token}`) {
    send(401, { code: "unauthenticated" });
    return;
  }
  try {
    const json = answer(url.split("/").at(-1) ?? "", JSON.parse(options.read(bytes) || "{}") as JsonValue);
    if (json === undefined) send(options.statusOfOthers, { code: "unimplemented" });
    else send(200, options.body(json as Record<string, unknown>));
  } catch (cause) {
    send(400, { code: "invalid_argument", message: String(cause) });
  }
}

/** Knows Score alone, with endpoints inline. */
function basicAnswers({ http: { isStrict, statusOfOthers }, rate, answer }: PluginParts): Answerer {
  const talk = newConversation();
  return (method, body) => {
    if (method !== "Score") return statusOfOthers === 200 ? {} : undefined;
    const call = fromJson(ScoreRequestSchema, body, { ignoreUnknownFields: !isStrict });
    const scores = call.endpoints.map(({ metrics, slot }) => rate(metrics.waiting_requests!, slot, talk, call));
    const [response] = answer(create(ScoreResponseSchema, { callId: call.callId, scores }), call);
    return toJson(ScoreResponseSchema, response!);
  };
}

/** Keeps one table for whoever asks. */
function replicatedAnswers(parts: PluginParts): Answerer {
  const talk = newConversation();
  const asked = new Set<number>();
  return (method, body) => {
    switch (method) {
      case "Handshake":
        return toJson(HandshakeResponseSchema, toHello(parts));
      case "Configure":
        return toJson(ConfigureResponseSchema, configure(parts, talk, read(ConfigureRequestSchema, body)));
      case "PushState":
        return toJson(PushStateResponseSchema, takeChunk(parts, talk, read(PushStateRequestSchema, body)));
      case "PushFeedback":
        for (const event of read(PushFeedbackRequestSchema, body).events) parts.feedback(event, asked);
        return {};
      case "Score": {
        const call = read(ScoreRequestSchema, body);
        asked.add(call.callId);
        const [response] = parts.answer(evaluate(parts, talk, call), call);
        return toJson(ScoreResponseSchema, response!);
      }
      default:
        return undefined;
    }
  };
}

function read<D extends DescMessage>(schema: D, body: JsonValue): MessageShape<D> {
  return fromJson(schema, body, { ignoreUnknownFields: true });
}
