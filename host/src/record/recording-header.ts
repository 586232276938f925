import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EndpointSnapshot } from "@outrider/core";
import type { HeaderSchema } from "@outrider/protos/record";
import type { ConfigSource } from "../config/types.ts";
import { hostVersion } from "../version.ts";
import { createColumnNumbers } from "./column-numbers.ts";

/** First entry of a recording. */
export type RecordingHeader = Exclude<MessageInitShape<typeof HeaderSchema>, { readonly $typeName: string }>;

/** Header of a recording that begins now. @param source of the configuration in force, with its generation. */
export function toHeader(
  source: ConfigSource,
  generation: number,
  { epoch, columns }: EndpointSnapshot,
): RecordingHeader {
  const numbers = createColumnNumbers();
  for (const key of columns.keys) numbers.of(key);
  return {
    format: "outrider.record.v1",
    hostVersion,
    hostInstance: epoch.toString(36),
    atMs: Date.now(),
    epoch,
    columns: numbers.columns(),
    generation,
    configSha256: Buffer.from(source.sha256, "hex"),
    configText: source.text,
  };
}
