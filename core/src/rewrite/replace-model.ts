import { type ByteSpan, replaceSpans } from "./replace-spans.ts";

/**
 * A JSON body that names another model. Nothing is parsed or copied.
 * @param chunks the body's chunks in order.
 * @param spans where the values of its `model` stand, in order; one of no length = it has none, and there is where the
 *   member is put, before others.
 */
export function replaceModel(
  chunks: readonly Uint8Array[],
  spans: readonly ByteSpan[],
  model: string,
): readonly Uint8Array[] {
  const name = JSON.stringify(model);
  const isMissing = spans.some(({ start, end }) => start === end);
  return replaceSpans(chunks, spans, Buffer.from(isMissing ? `"model":${name},` : name));
}
