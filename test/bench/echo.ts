import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { ProcessingResponseSchema } from "@outrider/protos/ext-proc";

/**
 * The least an ext_proc server in Node can do: bare `node:http2`, canned answers, nothing read. Prints its address. What
 * it costs is the machine's and Node's, not the endpoint picker's.
 */
type Answer = Parameters<typeof create<typeof ProcessingResponseSchema>>[1];

const streamed = (body: Uint8Array, endOfStream: boolean) => ({
  response: { bodyMutation: { mutation: { case: "streamedResponse" as const, value: { body, endOfStream } } } },
});
const request = frames([
  { response: { case: "requestHeaders", value: { response: {} } } },
  { response: { case: "requestBody", value: streamed(Buffer.alloc(900, "a"), true) } },
]);
const response = frames([
  { response: { case: "responseHeaders", value: { response: {} } } },
  { response: { case: "responseBody", value: streamed(Buffer.alloc(1024, "a"), true) } },
]);

const server = createServer({ streamResetBurst: 1e9, streamResetRate: 1e9 });
server.on("stream", (stream) => {
  let parts = 0;
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("data", () => stream.write(parts++ === 0 ? request : response));
  stream.on("end", () => stream.end());
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
});
server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.on("end", () => process.exit(0)).resume();

function frames(answers: readonly Answer[]): Buffer {
  return Buffer.concat(
    answers.map((answer) => {
      const bytes = toBinary(ProcessingResponseSchema, create(ProcessingResponseSchema, answer));
      const frame = Buffer.alloc(5 + bytes.length);
      frame.writeUInt32BE(bytes.length, 1);
      frame.set(bytes, 5);
      return frame;
    }),
  );
}
