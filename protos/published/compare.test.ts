import { clone } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Type, type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ProcessingModeSchema } from "@outrider/protos/envoy-processing-mode";
import { file_envoy_service_ext_proc_v3_external_processor as extProc } from "@outrider/protos/ext-proc";
import { describe, expect, it } from "vitest";
import { findDifferences } from "./compare.ts";
import { unescapeBytes } from "./descriptors.ts";

/** A copy of a descriptor with one change. */
function changed(proto: FileDescriptorProto, change: (copy: FileDescriptorProto) => void): FileDescriptorProto {
  const copy = clone(FileDescriptorProtoSchema, proto);
  change(copy);
  return copy;
}

const message = (file: FileDescriptorProto, name: string) => file.messageType.find((type) => type.name === name)!;
const field = (file: FileDescriptorProto, type: string, name: string) =>
  message(file, type).field.find((candidate) => candidate.name === name)!;

const cases: readonly {
  readonly title: string;
  readonly subset: FileDescriptorProto;
  readonly change: (copy: FileDescriptorProto) => void;
  readonly want: readonly string[];
}[] = [
  {
    title: "another package",
    subset: extProc.proto,
    change: (copy) => {
      copy.package = "envoy.service.ext_proc.v4";
    },
    want: ["envoy.service.ext_proc.v3: the published package is envoy.service.ext_proc.v4"],
  },
  {
    title: "a message that is not published",
    subset: extProc.proto,
    change: (copy) => {
      copy.messageType = copy.messageType.filter(({ name }) => name !== "GrpcStatus");
    },
    want: ["envoy.service.ext_proc.v3.GrpcStatus: not published"],
  },
  {
    title: "another number",
    subset: extProc.proto,
    change: (copy) => {
      field(copy, "HttpBody", "end_of_stream").number = 7;
    },
    want: ["envoy.service.ext_proc.v3.HttpBody.end_of_stream: label 1 type 8 = 2, published label 1 type 8 = 7"],
  },
  {
    title: "another type",
    subset: extProc.proto,
    change: (copy) => {
      field(copy, "HttpBody", "body").type = FieldDescriptorProto_Type.STRING;
    },
    want: ["envoy.service.ext_proc.v3.HttpBody.body: label 1 type 12 = 1, published label 1 type 9 = 1"],
  },
  {
    title: "another oneof",
    subset: extProc.proto,
    change: (copy) => {
      message(copy, "BodyMutation").oneofDecl[0]!.name = "change";
    },
    want: ["body", "clear_body", "streamed_response"].map((name) =>
      expect.stringMatching(`^envoy.service.ext_proc.v3.BodyMutation.${name}: .* in mutation, published .* in change$`),
    ),
  },
  {
    title: "another value of a nested enum",
    subset: ProcessingModeSchema.file.proto,
    change: (copy) => {
      message(copy, "ProcessingMode").enumType[1]!.value[4]!.number = 6;
    },
    want: [
      "envoy.extensions.filters.http.ext_proc.v3.ProcessingMode.BodySendMode.FULL_DUPLEX_STREAMED: = 4, published = 6",
    ],
  },
  {
    title: "a method that does not stream",
    subset: extProc.proto,
    change: (copy) => {
      copy.service[0]!.method[0]!.serverStreaming = false;
    },
    want: [expect.stringContaining("ExternalProcessor.Process: (stream .envoy")],
  },
];

describe("comparison with a published file", () => {
  for (const { title, subset, change, want } of cases) {
    it(`names ${title}`, () => expect(findDifferences(subset, changed(subset, change))).toEqual(want));
  }

  it("accepts what a subset leaves out", () => {
    const subset = changed(extProc.proto, (copy) => {
      message(copy, "ProcessingRequest").field.splice(3, 2);
    });
    expect(findDifferences(subset, extProc.proto)).toEqual([]);
  });
});

describe("a Python bytes literal", () => {
  const literals: readonly { readonly title: string; readonly literal: string; readonly want: string }[] = [
    { title: "hexadecimal", literal: "\\x00a\\xff", want: "\0a\xff" },
    { title: "octal", literal: "\\0\\12\\377", want: "\0\n\xff" },
    { title: "named", literal: "\\n\\t\\\\n\\'\\\"", want: "\n\t\\n'\"" },
  ];
  for (const { title, literal, want } of literals) {
    it(`is read with ${title} escapes`, () => expect(unescapeBytes(literal)).toBe(want));
  }
});
