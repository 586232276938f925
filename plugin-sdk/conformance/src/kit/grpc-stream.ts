import http2 from "node:http2";
import net from "node:net";
import { codeOfStatus, createFrameDecoder, decodeGrpcMessage, grpcCodes, type PluginTarget } from "@outrider/transport";

/** How a stream ended. */
export interface StreamEnd {
  /** Connect code that the plugin ended it with; empty where it said none. */
  readonly code: string;
  /** As the rest of a sentence about the stream. */
  readonly text: string;
}

/** A bidirectional gRPC stream, as raw as the kit needs it. */
export interface GrpcStream {
  /** Sends bytes that need not be whole frames. */
  write(bytes: Uint8Array): void;
  /** Says that nothing more will be sent. */
  halfClose(): void;
  /** Reads nothing until {@link resume}: the plugin's window fills up. */
  pause(): void;
  resume(): void;
  /** Cuts the connection. */
  destroy(): void;
  /** `undefined` while it lives. */
  readonly end: StreamEnd | undefined;
}

/** How a stream is opened. */
export interface StreamOptions {
  /** Path of the method. */
  readonly path: string;
  /** Sent as `authorization: Bearer`; empty = none. */
  readonly token: string;
  /** A whole message came. */
  readonly onMessage: (message: Buffer) => void;
  /** It is over; once. */
  readonly onEnd: (end: StreamEnd) => void;
}

/** Opens a stream at once; where there is nobody, it ends. */
export function openGrpcStream(target: PluginTarget, { path, token, onMessage, onEnd }: StreamOptions): GrpcStream {
  const connection = connect(target);
  const stream = connection.request(
    {
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    },
    { endStream: false },
  );
  let ended: StreamEnd | undefined;
  const finish = (end: StreamEnd) => {
    if (ended !== undefined) return;
    ended = end;
    connection.destroy();
    onEnd(end);
  };
  const broke = (cause: Error) => finish({ code: "", text: `broke: ${cause.message}` });
  const decoder = createFrameDecoder(onMessage);
  let said: StreamEnd | undefined;
  connection.on("error", broke);
  stream.on("error", broke);
  stream.on("response", (headers) => {
    said = toEnd(headers);
    // A page that says why is no frame.
    if (said !== undefined) finish(said);
  });
  stream.on("trailers", (headers) => {
    said = toEnd(headers) ?? said;
  });
  stream.on("data", (chunk: Buffer) => {
    if (ended !== undefined) return;
    try {
      decoder.push(chunk);
    } catch (error) {
      broke(error as Error);
    }
  });
  stream.once("end", () => finish(said ?? { code: "", text: "was ended without a status" }));
  stream.once("close", () => finish(said ?? { code: "", text: "was closed" }));
  return {
    write(bytes) {
      if (ended === undefined && stream.writable) stream.write(bytes);
    },
    halfClose: () => stream.end(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    destroy: () => finish({ code: "", text: "was closed by the kit" }),
    get end() {
      return ended;
    },
  };
}

function connect(target: PluginTarget): http2.ClientHttp2Session {
  const settings = { enablePush: false };
  if (target.kind === "socket") {
    return http2.connect("http://localhost", { settings, createConnection: () => net.connect({ path: target.path }) });
  }
  const url = new URL(target.url);
  if (url.protocol === "https:") return http2.connect(url, { settings, ALPNProtocols: ["h2"] });
  return http2.connect(`http://${url.host}`, { settings });
}

/** What headers or trailers say of the end; `undefined` where they only begin an answer. */
function toEnd(headers: http2.IncomingHttpHeaders): StreamEnd | undefined {
  const status = Number(headers[":status"] ?? 200);
  const grpcStatus = headers["grpc-status"];
  if (grpcStatus !== undefined) {
    const code = grpcCodes[Number(grpcStatus)] ?? "unknown";
    return { code, text: `was ended with ${code}: ${decodeGrpcMessage(String(headers["grpc-message"] ?? ""))}` };
  }
  if (status === 200) return undefined;
  return { code: codeOfStatus(status), text: `was answered with HTTP ${status}` };
}
