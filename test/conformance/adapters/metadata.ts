import { isDeepStrictEqual } from "node:util";
import type { Fields } from "../fields.ts";
import { probeDoor } from "../host/probe.ts";
import { byShape } from "../shapes.ts";
import { fail, fromFault, NotApplicable, pass, type Verdict } from "../verdict.ts";

/** Where the door looks for a value that is text or a list. */
const subset = { namespace: "envoy.lb.subset_hint", key: "x-gateway-destination-endpoint-subset" };

/**
 * Extraction of metadata. The door never extracts it as a whole: it reads values by key. So each value of a case is put
 * under a key that the door reads.
 */
export const metadata = byShape([
  {
    given: ["request_metadata_context?"],
    want: ["values"],
    async run(given, want) {
      const context = given.object("request_metadata_context");
      if (!want.has("values")) return nothingRead(context);
      if (!isDeepStrictEqual(context.values.filter_metadata, want.values.values))
        throw new NotApplicable("upstream internals", "metadata is passed on as it is or not at all");
      for (const namespace of Object.keys(want.object("values").values)) {
        for (const value of Object.values(want.object("values").object(namespace).values)) {
          const fault = await valueFault(value);
          if (fault !== undefined) return fail(fault);
        }
      }
      return pass("each value under the key of the subset");
    },
  },
]);

/** What is not told is neither an empty subset nor an endpoint that served. */
async function nothingRead({ values }: Fields): Promise<Verdict> {
  const { request, served } = await probeDoor(withMetadata(values.filter_metadata));
  return fromFault(
    request?.subset === undefined && served === undefined
      ? undefined
      : `reads subset ${request?.subset} and served ${served}`,
  );
}

async function valueFault(value: unknown): Promise<string | undefined> {
  const wanted = toTexts(value);
  const { request } = await probeDoor(withMetadata({ [subset.namespace]: { [subset.key]: value } }));
  return isDeepStrictEqual(request?.subset, wanted)
    ? undefined
    : `${JSON.stringify(value)} is read as ${request?.subset}`;
}

/** Text counts as a list, and what else stands in a list is left out. */
function toTexts(value: unknown): readonly string[] {
  if (typeof value !== "string" && !Array.isArray(value))
    throw new NotApplicable("upstream internals", `${JSON.stringify(value)} is neither text nor a list`);
  const texts = [value].flat().filter((entry): entry is string => typeof entry === "string");
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "");
}

/** A GET and the beginning of its response, both with the same metadata. */
function withMetadata(filterMetadata: unknown): readonly Readonly<Record<string, unknown>>[] {
  const beside = filterMetadata === undefined ? {} : { filter_metadata: filterMetadata };
  return [
    { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true, ...beside },
    { type: "response_headers", headers: { ":status": "200" }, end_of_stream: true, ...beside },
  ];
}
