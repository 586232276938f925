import type { ServerHttp2Stream } from "node:http2";
import { createFrameDecoder, encodeFrame, RpcFailure } from "@outrider/transport";
import { endGrpc, refuseGrpc } from "./grpc-reply.ts";
import { type Method, type StreamInlet, type StreamOutlet, toRefusal } from "./method.ts";

/** Serves a gRPC call. @param method `undefined` = there is none. @param peer connection it comes on. */
export function answerGrpc(stream: ServerHttp2Stream, method: Method | undefined, peer: object): void {
  if (method === undefined) {
    refuseGrpc(stream, "unimplemented", "no such method here");
    return;
  }
  const outlet = openOutlet(stream);
  const inlet = method.kind === "unary" ? collect(method.call, outlet, peer) : method.open(outlet);
  const guarded = (run: () => void) => {
    try {
      run();
    } catch (cause) {
      const { rpcCode, message } = toRefusal(cause);
      outlet.end(rpcCode, message);
    }
  };
  const decoder = createFrameDecoder((message) => inlet.message(message));
  stream.on("data", (chunk: Buffer) => guarded(() => decoder.push(chunk)));
  stream.on("end", () => guarded(() => inlet.ended()));
  stream.on("close", () => inlet.closed());
}

/** Where the answer goes; what is said behind the end is dropped. */
function openOutlet(stream: ServerHttp2Stream): StreamOutlet {
  let status = { code: "ok", message: "" };
  let isOpen = true;
  stream.on("wantTrailers", () => endGrpc(stream, status.code, status.message));
  const begin = () => {
    if (stream.headersSent) return;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  };
  return {
    send(message) {
      if (!isOpen || stream.destroyed) return;
      begin();
      stream.write(encodeFrame(message));
    },
    end(code, message) {
      if (!isOpen || stream.destroyed) return;
      isOpen = false;
      status = { code, message };
      if (stream.headersSent) stream.end();
      else refuseGrpc(stream, code, message);
    },
  };
}

/** A unary method as a stream of one message. */
function collect(
  call: Extract<Method, { readonly kind: "unary" }>["call"],
  outlet: StreamOutlet,
  peer: object,
): StreamInlet {
  let message: Buffer | undefined;
  return {
    message(bytes) {
      if (message !== undefined) throw new RpcFailure("unimplemented", "a unary call has one message");
      message = Buffer.from(bytes);
    },
    ended() {
      if (message === undefined) throw new RpcFailure("unimplemented", "a unary call has one message");
      call(message, "proto", peer).then(
        (answer) => {
          outlet.send(answer);
          outlet.end("ok", "");
        },
        (cause: unknown) => {
          const { rpcCode, message: why } = toRefusal(cause);
          outlet.end(rpcCode, why);
        },
      );
    },
    closed() {},
  };
}
