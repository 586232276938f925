import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ProcessingRequest,
  ProcessingRequestSchema,
  type ProcessingResponse,
  ProcessingResponseSchema,
} from "@outrider/protos/ext-proc";
import { createFrameDecoder, encodeFrame } from "@outrider/transport";

/** Headers Envoy puts on each ext_proc call. */
const callHeaders = {
  ":method": "POST",
  ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
  "content-type": "application/grpc",
  te: "trailers",
};

/** The server's last frame may cross the reset of a stream; Node's client would count 1,000 of them as an attack. */
const tolerant = { maxSessionInvalidFrames: 1e9 };

/** The part a message carries, with what stands in it. */
export type SentPart = MessageInitShape<typeof ProcessingRequestSchema>["request"];

/** How a call ended: its gRPC status, its HTTP status, or the reset code the server sent. */
export interface CallEnd {
  readonly httpStatus: number;
  /** NaN where no status came. */
  readonly grpcStatus: number;
  readonly message: string;
}

/** One ext_proc call from the gateway's side. */
export interface GatewayCall {
  /** Answers so far. */
  readonly answers: readonly ProcessingResponse[];
  send(part: SentPart, rest?: MessageInitShape<typeof ProcessingRequestSchema>): void;
  /** Bytes as they are, frames or not. */
  sendBytes(bytes: Uint8Array): void;
  /** Waits until there are so many answers; rejects when the call ends before. */
  receive(count: number): Promise<readonly ProcessingResponse[]>;
  /** As Envoy ends every stream, complete or not. */
  reset(): void;
  halfClose(): void;
  readonly ended: Promise<CallEnd>;
}

/** A gateway's connection to the server. */
export interface FakeGateway {
  readonly session: ClientHttp2Session;
  open(headers?: Readonly<Record<string, string>>): GatewayCall;
  close(): void;
}

/** Speaks raw gRPC over one HTTP/2 connection, ending its streams as Envoy does. */
export async function connectGateway(url: string, options: SecureClientSessionOptions = {}): Promise<FakeGateway> {
  const settings = { initialWindowSize: 16 * 1024 * 1024, enablePush: false };
  const session = connect(url, { ...options, ...tolerant, settings });
  session.on("error", () => {});
  await once(session, "connect");
  return {
    session,
    open: (headers = {}) => openCall(session.request({ ...callHeaders, ...headers }, { endStream: false })),
    close: () => session.destroy(),
  };
}

/** Frame of a message with this part. */
export function encodePart(part: SentPart, rest: MessageInitShape<typeof ProcessingRequestSchema> = {}): Buffer {
  const message = create(ProcessingRequestSchema, { ...rest, request: part as ProcessingRequest["request"] });
  return encodeFrame(toBinary(ProcessingRequestSchema, message));
}

function openCall(stream: ClientHttp2Stream): GatewayCall {
  const answers: ProcessingResponse[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of waiting) check();
  };
  const decoder = createFrameDecoder((message) => answers.push(fromBinary(ProcessingResponseSchema, message)), 2 ** 30);
  let isOver = false;
  let httpStatus = 0;
  let status: IncomingHttpHeaders = {};
  stream.on("error", () => {});
  stream.on("response", (headers) => {
    httpStatus = Number(headers[":status"]);
    if ("grpc-status" in headers) status = headers;
  });
  stream.on("trailers", (trailers) => {
    status = trailers;
  });
  stream.on("data", (chunk: Buffer) => {
    decoder.push(chunk);
    wake();
  });
  stream.on("end", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  const ended = new Promise<CallEnd>((resolve) => {
    stream.on("close", () => {
      isOver = true;
      wake();
      const message = decodeURIComponent(status["grpc-message"]?.toString() ?? "");
      resolve({ httpStatus, grpcStatus: Number(status["grpc-status"]), message });
    });
  });
  return {
    answers,
    ended,
    send: (part, rest) => stream.write(encodePart(part, rest)),
    sendBytes: (bytes) => stream.write(bytes),
    receive: (count) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (answers.length >= count) resolve(answers);
          else if (isOver) reject(new Error(`the call ended after ${answers.length} of ${count} answers`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    reset: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
    halfClose: () => stream.end(),
  };
}
