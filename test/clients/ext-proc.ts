import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ProcessingRequest,
  ProcessingRequestSchema,
  type ProcessingResponse,
  ProcessingResponseSchema,
} from "@outrider/protos/ext-proc";

/** A gateway's side of ext_proc, on one connection as Envoy keeps it. */
export interface ExtProcClient {
  /** Opens a stream for one request. */
  open(): ExtProcCall;
  close(): Promise<void>;
}

/** One stream. */
export interface ExtProcCall {
  send(message: MessageInitShape<typeof ProcessingRequestSchema>): void;
  /** Sends frames that are already encoded, several messages at once too. */
  sendBytes(frames: Uint8Array): void;
  /** Next answer; `undefined` once the server has ended the stream. */
  receive(): Promise<ProcessingResponse | undefined>;
  /** Ends the stream as Envoy does after every request: RST_STREAM(INTERNAL_ERROR). */
  reset(): void;
  /** Half-closes. */
  end(): void;
  /** `grpc-status` of the trailers; resolves when the stream is closed, `undefined` where there was none. */
  readonly status: Promise<number | undefined>;
}

/** @param address `ip:port` of a plaintext server. */
export function connectExtProc(address: string): ExtProcClient {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: 16 * 1024 * 1024 } });
  session.on("error", () => {});
  return {
    open: () => openCall(session),
    close: () => new Promise((resolve) => session.close(resolve)),
  };
}

/** One message in gRPC's frame: a flag byte, the length in four bytes, the message. */
export function toFrame(message: MessageInitShape<typeof ProcessingRequestSchema>): Buffer {
  const bytes = toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, message) as ProcessingRequest);
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, 5);
  return frame;
}

const requestHeaders = {
  ":method": "POST",
  ":path": "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
  "content-type": "application/grpc",
  te: "trailers",
};

function openCall(session: ClientHttp2Session): ExtProcCall {
  const stream = session.request(requestHeaders);
  const inbox = createInbox(stream);
  return {
    send: (message) => void stream.write(toFrame(message)),
    sendBytes: (frames) => void stream.write(frames),
    receive: inbox.receive,
    reset: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
    end: () => void stream.end(),
    status: inbox.status,
  };
}

function createInbox(stream: ClientHttp2Stream) {
  const ready: ProcessingResponse[] = [];
  const waiting: ((message: ProcessingResponse | undefined) => void)[] = [];
  let pending: Buffer = Buffer.alloc(0);
  let isOver = false;
  let grpcStatus: number | undefined;
  const readStatus = (headers: Readonly<Record<string, unknown>>) => {
    if (headers["grpc-status"] !== undefined) grpcStatus = Number(headers["grpc-status"]);
  };
  const status = new Promise<number | undefined>((resolve) => stream.on("close", () => resolve(grpcStatus)));
  stream.on("error", () => {});
  stream.on("response", readStatus);
  stream.on("trailers", readStatus);
  stream.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const end = 5 + pending.readUInt32BE(1);
      const message = fromBinary(ProcessingResponseSchema, pending.subarray(5, end));
      pending = pending.subarray(end);
      const receiver = waiting.shift();
      if (receiver === undefined) ready.push(message);
      else receiver(message);
    }
  });
  const finish = () => {
    isOver = true;
    for (const receiver of waiting.splice(0)) receiver(undefined);
  };
  stream.on("end", finish);
  stream.on("close", finish);
  return {
    status,
    receive: () =>
      new Promise<ProcessingResponse | undefined>((resolve) => {
        const message = ready.shift();
        if (message !== undefined || isOver) resolve(message);
        else waiting.push(resolve);
      }),
  };
}
