import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { type ProcessingRequest, ProcessingRequestSchema, ProcessingResponseSchema } from "@outrider/protos/ext-proc";

/**
 * The same answers by what one would take for it: grpc-js with messages of protobuf-es. It holds the body until its
 * end, as a door that decides by it must, sends everything to one endpoint, and passes the response on. Prints its
 * address.
 */
type Call = ServerDuplexStream<ProcessingRequest, MessageInitShape<typeof ProcessingResponseSchema>>;

const destinationKey = "x-gateway-destination-endpoint";
const destination = "127.0.0.1:8000";
const largestMessageBytes = 16 * 1024 ** 2;

const server = new Server({ "grpc.max_receive_message_length": largestMessageBytes, "grpc.enable_channelz": 0 });
server.addService(
  {
    process: {
      path: "/envoy.service.ext_proc.v3.ExternalProcessor/Process",
      requestStream: true,
      responseStream: true,
      requestDeserialize: (bytes: Buffer) => fromBinary(ProcessingRequestSchema, bytes),
      requestSerialize: (message: ProcessingRequest) => Buffer.from(toBinary(ProcessingRequestSchema, message)),
      responseDeserialize: (bytes: Buffer) => fromBinary(ProcessingResponseSchema, bytes),
      responseSerialize: (answer: MessageInitShape<typeof ProcessingResponseSchema>) =>
        Buffer.from(toBinary(ProcessingResponseSchema, create(ProcessingResponseSchema, answer))),
    },
  },
  { process: answer },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`127.0.0.1:${port}`);
});
process.stdin.on("end", () => process.exit(0)).resume();

function answer(call: Call): void {
  const held: Uint8Array[] = [];
  call.on("error", () => {});
  call.on("end", () => call.end());
  call.on("data", ({ request }: ProcessingRequest) => {
    if (request.case === "requestBody") {
      held.push(request.value.body);
      if (request.value.endOfStream) route(call, Buffer.concat(held));
    } else if (request.case === "responseHeaders") {
      const response = headersOf("x-went-into-resp-headers", "true");
      call.write({ response: { case: "responseHeaders", value: { response } } });
    } else if (request.case === "responseBody") {
      const { body, endOfStream } = request.value;
      call.write({ response: { case: "responseBody", value: streamed(body, endOfStream) } });
    }
  });
}

function route(call: Call, body: Uint8Array): void {
  const response = { ...headersOf(destinationKey, destination), clearRouteCache: true };
  const fields = { [destinationKey]: destination };
  call.write({ response: { case: "requestHeaders", value: { response } }, dynamicMetadata: { "envoy.lb": fields } });
  call.write({ response: { case: "requestBody", value: streamed(body, true) } });
}

function headersOf(key: string, value: string) {
  return { headerMutation: { setHeaders: [{ header: { key, rawValue: Buffer.from(value) } }] } };
}

function streamed(body: Uint8Array, endOfStream: boolean) {
  const mutation = { case: "streamedResponse" as const, value: { body, endOfStream } };
  return { response: { bodyMutation: { mutation } } };
}
