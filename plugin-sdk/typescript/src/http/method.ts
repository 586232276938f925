import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { OutriderError } from "@outrider/core/contract";
import { RpcFailure } from "@outrider/transport";

/** How messages of a call are written. */
export type Codec = "proto" | "json";

/** Where a stream's messages go. */
export interface StreamOutlet {
  /** Sends one message. */
  send(message: Uint8Array): void;
  /** Ends the call. */
  end(code: string, message: string): void;
}

/** The other end of a stream. */
export interface StreamInlet {
  /** A message came. @throws {RpcFailure} what the call ends with. */
  message(bytes: Buffer): void;
  /** No further message comes. */
  ended(): void;
  /** The stream is gone. */
  closed(): void;
}

/** What is behind a path. */
export type Method = {
  /** Whether it is answered to who does not know the token. */
  readonly isPublic: boolean;
} & (
  | {
      readonly kind: "unary";
      /** @param peer connection it comes on. @throws {RpcFailure} why it is refused. */
      readonly call: (message: Uint8Array, codec: Codec, peer: object) => Promise<Uint8Array>;
    }
  | { readonly kind: "stream"; readonly open: (outlet: StreamOutlet) => StreamInlet }
);

/** Methods by path, such as `/outrider.scorer.v1.ScorerService/Score`. */
export type Methods = ReadonlyMap<string, Method>;

/** A method with one message each way. */
export function unaryMethod<I extends DescMessage, O extends DescMessage>(
  { input, output }: { readonly input: I; readonly output: O },
  isPublic: boolean,
  run: (request: MessageShape<I>, peer: object) => MessageShape<O> | Promise<MessageShape<O>>,
): Method {
  return {
    kind: "unary",
    isPublic,
    async call(message, codec, peer) {
      const request = readMessage(input, message, codec);
      const response = await run(request, peer);
      return codec === "proto" ? toBinary(output, response) : Buffer.from(toJsonString(output, response));
    },
  };
}

/** @throws {RpcFailure} `invalid_argument` where it is no such message; fields that are not known are ignored. */
export function readMessage<D extends DescMessage>(schema: D, message: Uint8Array, codec: Codec): MessageShape<D> {
  try {
    if (codec === "proto") return fromBinary(schema, message);
    return fromJsonString(schema, Buffer.from(message).toString() || "{}", { ignoreUnknownFields: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RpcFailure("invalid_argument", `no ${schema.name}: ${reason}`, 0, { cause });
  }
}

/** What a call that threw is refused with. */
export function toRefusal(cause: unknown): RpcFailure {
  if (cause instanceof RpcFailure) return cause;
  const code = cause instanceof OutriderError && cause.code === "PROTOCOL_VIOLATION" ? "invalid_argument" : "internal";
  return new RpcFailure(code, cause instanceof Error ? cause.message : String(cause), 0, { cause });
}
