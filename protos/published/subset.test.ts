import type { DescFile } from "@bufbuild/protobuf";
import { file_envoy_config_core_v3_base } from "@outrider/protos/envoy-core";
import { file_envoy_type_v3_http_status } from "@outrider/protos/envoy-http-status";
import { ProcessingModeSchema } from "@outrider/protos/envoy-processing-mode";
import { file_envoy_service_ext_proc_v3_external_processor } from "@outrider/protos/ext-proc";
import { file_grpc_health_v1_health } from "@outrider/protos/health";
import { describe, expect, it } from "vitest";
import { findDifferences } from "./compare.ts";
import { openPublishedProtos, remedy } from "./descriptors.ts";

const files: readonly { readonly ours: DescFile; readonly path: string }[] = [
  { ours: file_envoy_config_core_v3_base, path: "envoy/config/core/v3/base" },
  { ours: file_envoy_type_v3_http_status, path: "envoy/type/v3/http_status" },
  {
    ours: ProcessingModeSchema.file,
    path: "envoy/extensions/filters/http/ext_proc/v3/processing_mode",
  },
  {
    ours: file_envoy_service_ext_proc_v3_external_processor,
    path: "envoy/service/ext_proc/v3/external_processor",
  },
  { ours: file_grpc_health_v1_health, path: "grpc_health/v1/health" },
];

const published = openPublishedProtos();
const required = process.env.CI === "true";

describe.skipIf(published === undefined && !required)(
  `the subset of published protos${published === undefined ? ` (${remedy})` : ""}`,
  () => {
    for (const { ours, path } of files) {
      it(`agrees with ${path}.proto`, () => {
        expect(published, remedy).toBeDefined();
        expect(findDifferences(ours.proto, published!.file(path))).toEqual([]);
      });
    }
  },
);
