import { createRegistry, type DescFile, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_grpc_health_v1_health } from "@outrider/protos/health";
import { file_outrider_scorer_v1_scorer } from "@outrider/protos/scorer";
import { grpcCodes, RpcFailure } from "@outrider/transport";
import type { Method, StreamOutlet } from "./method.ts";

const files: readonly DescFile[] = [file_outrider_scorer_v1_scorer, file_grpc_health_v1_health];
const registry = createRegistry(...files);

/** One question of `ServerReflectionRequest`; its messages are read and written by field, the service is not ours. */
type Question =
  | { readonly kind: "file" | "symbol" | "other"; readonly text: string }
  | { readonly kind: "list"; readonly text: string };

/** `grpc.reflection`, so that tools such as grpcurl know the contract; both versions have the same messages. */
export function reflectionMethods(): readonly (readonly [path: string, method: Method])[] {
  const method: Method = { kind: "stream", isPublic: false, open: openReflection };
  return ["v1", "v1alpha"].map((version) => [
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    method,
  ]);
}

function openReflection(outlet: StreamOutlet) {
  return {
    message: (request: Buffer) => outlet.send(answer(request)),
    ended: () => outlet.end("ok", ""),
    closed() {},
  };
}

function answer(request: Buffer): Uint8Array {
  const question = readQuestion(request);
  const response = new BinaryWriter();
  response.tag(2, WireType.LengthDelimited).bytes(request);
  if (question.kind === "list") return response.tag(6, WireType.LengthDelimited).bytes(writeServices()).finish();
  const file = findFile(question);
  if (file === undefined) return response.tag(7, WireType.LengthDelimited).bytes(writeError(question)).finish();
  return response.tag(4, WireType.LengthDelimited).bytes(writeFiles(file)).finish();
}

/** Fields 3, 4 and 7 of the request; what asks for extensions is answered as not found, for there are none. */
function readQuestion(request: Buffer): Question {
  const reader = new BinaryReader(request);
  let question: Question = { kind: "other", text: "" };
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 3) question = { kind: "file", text: reader.string() };
      else if (field === 4) question = { kind: "symbol", text: reader.string() };
      else if (field === 7) question = { kind: "list", text: reader.string() };
      else reader.skip(type, field);
    }
  } catch (cause) {
    throw new RpcFailure("invalid_argument", "no ServerReflectionRequest", 0, { cause });
  }
  return question;
}

function findFile({ kind, text }: Question): DescFile | undefined {
  if (kind === "file") return files.find(({ proto }) => proto.name === text);
  return kind === "symbol" ? findSymbol(text) : undefined;
}

/** File of a service or message, or of a method or field by the name of what it belongs to. */
function findSymbol(name: string): DescFile | undefined {
  const owner = name.slice(0, Math.max(0, name.lastIndexOf(".")));
  return (registry.get(name) ?? registry.get(owner))?.file;
}

function writeServices(): Uint8Array {
  const list = new BinaryWriter();
  for (const { typeName } of files.flatMap(({ services }) => services)) {
    list
      .tag(1, WireType.LengthDelimited)
      .bytes(new BinaryWriter().tag(1, WireType.LengthDelimited).string(typeName).finish());
  }
  return list.finish();
}

function writeFiles({ proto }: DescFile): Uint8Array {
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(toBinary(FileDescriptorProtoSchema, proto)).finish();
}

function writeError({ text }: Question): Uint8Array {
  const code = grpcCodes.indexOf("not_found");
  return new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(code)
    .tag(2, WireType.LengthDelimited)
    .string(`nothing is known of ${text}`)
    .finish();
}
