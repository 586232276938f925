import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ColumnDataSchema, EndpointSchema } from "@outrider/protos/scorer";
import { toBitmap } from "@outrider/transport";
import { isInflightKey, type NumberedColumn } from "./instance.ts";
import type { TimedValue, World, WorldEndpoint } from "./world.ts";

/** One chunk of state: a `PushStateRequest`. */
export interface Chunk {
  readonly epoch: number;
  readonly fromRev: number;
  readonly toRev: number;
  readonly full: boolean;
  readonly more: boolean;
  readonly nowMs: number;
  readonly removedSlots: number[];
  readonly upserts: Upsert[];
  readonly columns: Column[];
}

/** What the chunks of a step have in common. */
type StepHead = Pick<Chunk, "epoch" | "fromRev" | "toRev" | "full" | "nowMs">;

type Upsert = MessageInitShape<typeof EndpointSchema>;
type Column = MessageInitShape<typeof ColumnDataSchema>;

/** What of a table a plugin may see. */
export interface StateView {
  readonly epoch: number;
  readonly columns: readonly NumberedColumn[];
  /** Whether `endpoint.labels`, `endpoint.sets` were granted. */
  readonly hasLabels: boolean;
  readonly hasSets: boolean;
}

/** What is put into one chunk: below the 64 KiB that it may have. */
const chunkBytes = 48 * 1024;

/** Room that an endpoint takes at most, in bytes. */
const endpointBytes = 256;

/** Room that a value with its age takes at most, in bytes. */
const valueBytes = 8;

/** The whole table, as one chunk or several. */
export function toFullStep(world: World, view: StateView): readonly Chunk[] {
  const upserts = [...world.endpoints].map(([slot, endpoint]) => toUpsert(slot, endpoint, view));
  const columns = stateColumns(view).map(({ id, key }) => toColumn(id, key, [...world.endpoints], world.nowMs, true));
  const head = { epoch: view.epoch, fromRev: 0, toRev: world.rev, full: true, nowMs: world.nowMs };
  return toChunks(head, [], upserts, columns);
}

/** What has changed between two tables. */
export function toDeltaStep(before: World, after: World, view: StateView): readonly Chunk[] {
  const removedSlots = [...before.endpoints.keys()].filter((slot) => !after.endpoints.has(slot));
  const changed = [...after.endpoints].filter(([slot, endpoint]) => before.endpoints.get(slot) !== endpoint);
  const upserts = changed
    .filter(([slot, endpoint]) => !isSameServer(before.endpoints.get(slot), endpoint))
    .map(([slot, endpoint]) => toUpsert(slot, endpoint, view));
  const columns = stateColumns(view).flatMap(({ id, key }) => {
    const named = changed.filter(([slot, endpoint]) => isChanged(before.endpoints.get(slot), endpoint, key));
    return named.length === 0 ? [] : [toColumn(id, key, named, after.nowMs, false)];
  });
  const head = { epoch: view.epoch, fromRev: before.rev, toRev: after.rev, full: false, nowMs: after.nowMs };
  return toChunks(head, removedSlots, upserts, columns);
}

/** Columns that travel with state; the others travel with calls. */
function stateColumns({ columns }: StateView): readonly NumberedColumn[] {
  return columns.filter(({ key }) => !isInflightKey(key));
}

function isSameServer(before: WorldEndpoint | undefined, after: WorldEndpoint): boolean {
  return (
    before?.id === after.id &&
    before.incarnation === after.incarnation &&
    before.labels === after.labels &&
    before.sets === after.sets
  );
}

function isChanged(before: WorldEndpoint | undefined, after: WorldEndpoint, key: string): boolean {
  if (before?.id !== after.id) return after.values.has(key);
  const [was, is] = [before.values.get(key), after.values.get(key)];
  return !Object.is(was?.value ?? Number.NaN, is?.value ?? Number.NaN) || was?.atMs !== is?.atMs;
}

function toUpsert(slot: number, endpoint: WorldEndpoint, { hasLabels, hasSets }: StateView): Upsert {
  const { id, address, labels, sets, incarnation } = endpoint;
  const named = Object.entries(sets).map(([name, values]) => [name, { values: [...values] }]);
  return {
    slot,
    id,
    address,
    incarnation,
    labels: hasLabels ? { ...labels } : {},
    sets: hasSets ? Object.fromEntries(named) : {},
  };
}

function toColumn(
  column: number,
  key: string,
  named: readonly (readonly [slot: number, endpoint: WorldEndpoint])[],
  nowMs: number,
  isAll: boolean,
): Column {
  const values = named.map(([, endpoint]) => endpoint.values.get(key) ?? { value: Number.NaN, atMs: nowMs });
  const unknown = values.flatMap(({ value }, i) => (Number.isNaN(value) ? [i] : []));
  return {
    column,
    slots: isAll ? new Uint8Array(0) : toBitmap(named.map(([slot]) => slot)),
    values: values.map(({ value }) => (Number.isNaN(value) ? 0 : value)),
    unknown: toBitmap(unknown),
    ...toAges(values, nowMs),
  };
}

/** One age where all are of the same, else one each. */
function toAges(values: readonly TimedValue[], nowMs: number): Pick<Column, "ageMs" | "agesMs"> {
  const ages = values.map(({ atMs }) => Math.max(0, Math.floor(nowMs) - atMs));
  return ages.every((age) => age === ages[0]) ? { ageMs: ages[0] ?? 0 } : { agesMs: ages };
}

/** Removals, then endpoints, then values, as many a chunk as fit. */
function toChunks(
  head: StepHead,
  removedSlots: number[],
  upserts: readonly Upsert[],
  columns: readonly Column[],
): readonly Chunk[] {
  const chunks = [{ removedSlots, upserts: [] as Upsert[], columns: [] as Column[] }];
  let room = chunkBytes;
  const reserve = (bytes: number) => {
    if (bytes > room) {
      chunks.push({ removedSlots: [], upserts: [], columns: [] });
      room = chunkBytes;
    }
    room -= bytes;
    return chunks[chunks.length - 1]!;
  };
  for (const upsert of upserts) reserve(endpointBytes).upserts.push(upsert);
  for (const column of columns) reserve(valueBytes * (column.values?.length ?? 0)).columns.push(column);
  return chunks.map((parts, i) => ({ ...head, ...parts, more: i < chunks.length - 1 }));
}
