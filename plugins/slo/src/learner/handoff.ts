import { maxHandoffBytes } from "@outrider/plugin-sdk";
import { type KnownEndpoint, kinds } from "./known-endpoints.ts";
import type { LatencyModel } from "./latency-model.ts";
import type { LearnedLatency } from "./learned-latency.ts";
import { EndpointModel, type LinearModel } from "./linear-model.ts";
import { featureCount, triangleCells } from "./moments.ts";

/** Room for what is handed over: a process may serve others too. */
const limitBytes = maxHandoffBytes / 2;
const floatBytes = 4;

/** What stands before the numbers: what they are of. */
interface Header {
  readonly version: 1;
  /** Endpoints in the order of their numbers, and which models each has. */
  readonly endpoints: readonly { readonly id: string; readonly has: readonly boolean[] }[];
}

/** Takes the next number, or gives it: one list of fields for both ways. */
type Exchange = (value: number) => number;

/**
 * All that was learned: length of a header in 4 bytes, little-endian, the header in JSON, 32-bit floats. Where that is
 * too much, of the endpoints that answered most.
 */
export function packLatency(learned: LearnedLatency): Uint8Array {
  if (learned.samples === 0) return new Uint8Array(0);
  const ranked = learned.endpoints.all().toSorted((a, b) => samplesOf(b) - samplesOf(a));
  let endpoints = ranked;
  let packed = pack(learned, endpoints);
  while (packed.length > limitBytes) {
    const share = Math.min(0.9, limitBytes / packed.length);
    endpoints = endpoints.slice(0, Math.floor(endpoints.length * share));
    packed = pack(learned, endpoints);
  }
  return packed;
}

/** Takes over what {@link packLatency} has made; what is anything else is left, and learned anew. */
export function unpackLatency(packed: Uint8Array, learned: LearnedLatency): void {
  const bytes = Buffer.from(packed);
  if (bytes.length < 4) return;
  const begin = 4 + bytes.readUInt32LE();
  const header = readHeader(bytes.subarray(4, begin));
  const count = (bytes.length - begin) / floatBytes;
  if (header === undefined || count !== countFloats(header)) return;
  let at = begin;
  const take: Exchange = () => {
    at += floatBytes;
    return bytes.readFloatLE(at - floatBytes);
  };
  for (const kind of kinds) exchangeLatency(learned.models[kind], take);
  for (const { id, has } of header.endpoints) {
    const [first, whole, gap] = has.map((isThere) => {
      if (!isThere) return undefined;
      const model = new EndpointModel(0);
      exchangeEndpoint(model, take);
      return model;
    });
    learned.endpoints.expect(id, { first, whole, gap });
  }
}

function pack(learned: LearnedLatency, endpoints: readonly KnownEndpoint[]): Uint8Array {
  const listed = endpoints.map(({ id, models }) => ({ id, has: kinds.map((kind) => models[kind] !== undefined) }));
  const header = Buffer.from(JSON.stringify({ version: 1, endpoints: listed } satisfies Header));
  const floats: number[] = [];
  const give: Exchange = (value) => {
    floats.push(value);
    return value;
  };
  for (const kind of kinds) exchangeLatency(learned.models[kind], give);
  for (const { models } of endpoints) {
    for (const kind of kinds) if (models[kind] !== undefined) exchangeEndpoint(models[kind], give);
  }
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, new Uint8Array(Float32Array.from(floats).buffer)]);
}

function readHeader(bytes: Buffer): Header | undefined {
  try {
    const header = JSON.parse(bytes.toString("utf8")) as Partial<Header>;
    const isOurs = header.version === 1 && Array.isArray(header.endpoints);
    return isOurs ? (header as Header) : undefined;
  } catch {
    return undefined;
  }
}

function countFloats({ endpoints }: Header): number {
  const models = endpoints.reduce((sum, { has }) => sum + has.filter((isThere) => isThere).length, 0);
  return kinds.length * latencyFloats + models * endpointFloats;
}

const modelFloats = triangleCells + 2 * featureCount + 1;

function exchangeModel(model: LinearModel, next: Exchange): void {
  for (const values of [model.moments.gram, model.moments.cross, model.theta]) {
    for (let i = 0; i < values.length; i++) values[i] = next(values[i]);
  }
  model.samples = next(model.samples);
}

const endpointFloats = modelFloats + 4;

function exchangeEndpoint(model: EndpointModel, next: Exchange): void {
  exchangeModel(model, next);
  model.margin = next(model.margin);
  model.drift = next(model.drift);
  model.observed = next(model.observed);
  model.expected = next(model.expected);
}

const latencyFloats = 2 * modelFloats + 5;

function exchangeLatency(model: LatencyModel, next: Exchange): void {
  exchangeModel(model.pool, next);
  exchangeModel(model.spread, next);
  model.margin = next(model.margin);
  model.meanMs = next(model.meanMs);
  model.error = next(model.error);
  model.covered = next(model.covered);
  model.judged = next(model.judged);
}

function samplesOf({ models }: KnownEndpoint): number {
  return kinds.reduce((sum, kind) => sum + (models[kind]?.samples ?? 0), 0);
}
