import type { Span } from "./processing-request.ts";
import { WireReader } from "./wire-reader.ts";

/** Namespace and key of the endpoints that the gateway allows. */
const subsetNamespace = Buffer.from("envoy.lb.subset_hint");
const subsetKey = Buffer.from("x-gateway-destination-endpoint-subset");
/** Namespace and key of the endpoint that answered. */
const loadBalancerNamespace = Buffer.from("envoy.lb");
const servedKey = Buffer.from("x-gateway-destination-endpoint-served");
/** The filter's entry of `attributes`, and the attribute that names the endpoint that answered. */
const filterName = Buffer.from("envoy.filters.http.ext_proc");
const upstreamAddress = Buffer.from("upstream.address");

/** `Metadata.filter_metadata` and `Struct.fields` are both maps in field 1. */
const mapField = 1;
/** Fields of `google.protobuf.Value`. */
const nullField = 1;
const stringField = 3;
const listField = 6;
/** `ListValue.values`. */
const valuesField = 1;

const mapReader = new WireReader();
const entryReader = new WireReader();
const valueReader = new WireReader();
const listReader = new WireReader();

/**
 * The endpoints that `metadata_context` allows, `ip` or `ip:port` each; `undefined` where it says nothing. A list or a
 * comma-separated string, items of a list too; what is neither allows nothing.
 */
export function readSubset(bytes: Buffer, metadata: readonly Span[]): readonly string[] | undefined {
  const value = findValue(bytes, metadata, subsetNamespace, subsetKey);
  if (value === undefined) return undefined;
  const allowed: string[] = [];
  let isNull = false;
  valueReader.open(bytes, value.from, value.to);
  while (valueReader.next()) {
    const { from, to } = valueReader;
    isNull = valueReader.isVarint(nullField);
    if (valueReader.isBytes(stringField)) splitEndpoints(bytes.toString("utf8", from, to), allowed);
    else if (valueReader.isBytes(listField)) readList(bytes, from, to, allowed);
  }
  return isNull ? undefined : allowed;
}

/** The endpoint that answered, as the gateway tells in `metadata_context`; `undefined` where it does not. */
export function readServed(bytes: Buffer, metadata: readonly Span[]): string | undefined {
  return readString(bytes, findValue(bytes, metadata, loadBalancerNamespace, servedKey));
}

/** Whether `metadata_context` has the namespace in which the endpoint that answered is told. */
export function hasServedNamespace(bytes: Buffer, metadata: readonly Span[]): boolean {
  return metadata.some((span) => findEntry(bytes, span, loadBalancerNamespace) !== undefined);
}

/** The endpoint that answered, as `attributes` of the response's headers tell; `undefined` where they do not. */
export function readUpstreamAddress(bytes: Buffer, attributes: readonly Span[]): string | undefined {
  let struct: Span | undefined;
  for (const { from, to } of attributes) struct = readEntry(bytes, from, to, filterName) ?? struct;
  return struct && readString(bytes, findEntry(bytes, struct, upstreamAddress));
}

/** A `google.protobuf.Value` that is a string. */
function readString(bytes: Buffer, value: Span | undefined): string | undefined {
  if (value === undefined) return undefined;
  let text: string | undefined;
  valueReader.open(bytes, value.from, value.to);
  while (valueReader.next()) {
    if (valueReader.isBytes(stringField)) text = bytes.toString("utf8", valueReader.from, valueReader.to);
  }
  return text;
}

/** Entries of a comma-separated list, without blanks around them and without empty ones; appended where told. */
export function splitEndpoints(text: string, into: string[] = []): string[] {
  for (const part of text.split(",")) {
    const endpoint = part.trim();
    if (endpoint !== "") into.push(endpoint);
  }
  return into;
}

function readList(bytes: Buffer, from: number, to: number, into: string[]): void {
  listReader.open(bytes, from, to);
  while (listReader.next()) {
    if (!listReader.isBytes(valuesField)) continue;
    entryReader.open(bytes, listReader.from, listReader.to);
    while (entryReader.next()) {
      if (entryReader.isBytes(stringField))
        splitEndpoints(bytes.toString("utf8", entryReader.from, entryReader.to), into);
    }
  }
}

function findValue(bytes: Buffer, metadata: readonly Span[], namespace: Buffer, key: Buffer): Span | undefined {
  let struct: Span | undefined;
  for (const span of metadata) struct = findEntry(bytes, span, namespace) ?? struct;
  return struct === undefined ? undefined : findEntry(bytes, struct, key);
}

/** Value of a map's entry, the last one where the key repeats. */
function findEntry(bytes: Buffer, map: Span, key: Buffer): Span | undefined {
  let found: Span | undefined;
  mapReader.open(bytes, map.from, map.to);
  while (mapReader.next()) {
    if (mapReader.isBytes(mapField)) found = readEntry(bytes, mapReader.from, mapReader.to, key) ?? found;
  }
  return found;
}

/** A map entry is a message: key 1, value 2. */
function readEntry(bytes: Buffer, from: number, to: number, key: Buffer): Span | undefined {
  let matches = false;
  let value: Span = { from, to: from };
  entryReader.open(bytes, from, to);
  while (entryReader.next()) {
    if (entryReader.isBytes(1)) matches = isEqual(bytes, entryReader.from, entryReader.to, key);
    else if (entryReader.isBytes(2)) value = { from: entryReader.from, to: entryReader.to };
  }
  return matches ? value : undefined;
}

function isEqual(bytes: Buffer, from: number, to: number, wanted: Buffer): boolean {
  return to - from === wanted.length && bytes.compare(wanted, 0, wanted.length, from, to) === 0;
}
