import { type EndpointEntry, OutriderError } from "@outrider/core";
import { z } from "zod";
import { readDocument } from "../config/document.ts";
import { formatFaults } from "../config/faults.ts";
import { createReporter, type Reporter } from "../config/reporter.ts";
import { fieldsOf, toShapeFaults } from "../config/shape.ts";
import { formatAddress, isIpAddress, parsePort } from "./address.ts";

/** Longest file of endpoints, in bytes, as the reference's. */
export const maxEndpointsFileBytes = 1024 * 1024;

const portError = "must be a port between 1 and 65535";

/** A file of endpoints, YAML or JSON; the form of the reference's `file-discovery`. */
export const endpointsFileSchema = z.strictObject({
  endpoints: z.array(
    z.strictObject({
      /** With the namespace, the endpoint's id: `default/vllm-0`. */
      name: z.string().min(1, "must not be empty"),
      namespace: z.string().min(1, "must not be empty").default("default"),
      /** IPv4 or IPv6, with or without brackets. */
      address: z
        .string()
        .transform((text) => text.replace(/^\[(.*:.*)\]$/, "$1"))
        .refine(isIpAddress, "must be an IP address"),
      /** Port of the model server and of its metrics. */
      port: z
        .union([z.string(), z.number()], { error: portError })
        .refine((port) => parsePort(port) !== undefined, { error: portError }),
      labels: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/**
 * Reads a file of endpoints.
 * @param file how messages name it.
 * @throws {OutriderError} `ENDPOINTS_INVALID`, a line for each fault: `FILE:LINE:COLUMN path: message (hint)`.
 */
export function parseEndpointsFile(file: string, bytes: Uint8Array): readonly EndpointEntry[] {
  if (bytes.length > maxEndpointsFileBytes) throw invalid(`${file}: is longer than ${maxEndpointsFileBytes} bytes`);
  const document = readDocument(decode(file, bytes));
  const report = createReporter(document);
  const entries = document.usable ? checkEndpoints(document.value, report) : [];
  const faults = report.faults();
  if (faults.length > 0) throw invalid(formatFaults(file, faults));
  return entries;
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(`${file}: is not UTF-8`, cause);
  }
}

function checkEndpoints(value: unknown, report: Reporter): readonly EndpointEntry[] {
  const result = endpointsFileSchema.safeParse(value);
  if (!result.success) {
    for (const issue of result.error.issues) {
      for (const fault of toShapeFaults(issue, value, (path) => fieldsOf(endpointsFileSchema, path))) {
        report.fault(fault.path, fault.message, fault.hint, fault.part);
      }
    }
    return [];
  }
  const entries = result.data.endpoints.map(({ name, namespace, address, port, labels }) => ({
    id: `${namespace}/${name}`,
    address: formatAddress(address, Number(port)),
    labels,
  }));
  reportTwins(entries, "id", "name", report);
  reportTwins(entries, "address", "address", report);
  return entries;
}

/** Two endpoints with one id, or at one address. */
function reportTwins(entries: readonly EndpointEntry[], of: "id" | "address", field: string, report: Reporter): void {
  const first = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    const twin = first.get(entry[of]);
    if (twin === undefined) first.set(entry[of], i);
    else report.fault(["endpoints", i, field], `${entry[of]} is endpoint ${twin} already`, "remove one of them");
  }
}

function invalid(message: string, cause?: unknown): OutriderError {
  return new OutriderError("ENDPOINTS_INVALID", message, cause === undefined ? {} : { cause });
}
