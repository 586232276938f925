import type { EndpointSnapshot } from "@outrider/core";
import type { EndpointChange } from "@outrider/core/contract";
import type { TableMessage } from "./messages.ts";
import { keptTables } from "./thread-tables.ts";

/** The snapshots that a thread has been given: each once, by reference to its shared memory. */
export interface PostedTables {
  /** Gives it the next published snapshot, whose change its instances are told. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /** Number of a snapshot, which is given to it where it has not been. */
  idOf(snapshot: EndpointSnapshot): number;
}

/** A thread that has none. */
export function createPostedTables(post: (message: TableMessage) => void): PostedTables {
  const ids = new Map<EndpointSnapshot, number>();
  let lastId = 0;

  const give = (snapshot: EndpointSnapshot, endpoints: TableMessage["endpoints"]): number => {
    lastId += 1;
    ids.set(snapshot, lastId);
    for (const kept of ids.keys()) if (ids.size > keptTables) ids.delete(kept);
    post(toMessage(lastId, snapshot, endpoints));
    return lastId;
  };

  return {
    publish: (snapshot, change) => void give(snapshot, { kind: "change", change }),
    idOf: (snapshot) => ids.get(snapshot) ?? give(snapshot, { kind: "all", infos: infosOf(snapshot) }),
  };
}

function toMessage(id: number, snapshot: EndpointSnapshot, endpoints: TableMessage["endpoints"]): TableMessage {
  const { slotCount, live, columns } = snapshot;
  const { keys } = columns;
  return {
    kind: "table",
    id,
    slotCount,
    live,
    keys,
    values: keys.map((key) => columns.get(key)),
    times: keys.map((key) => columns.measuredAtMs(key)),
    endpoints,
  };
}

function infosOf(snapshot: EndpointSnapshot) {
  return Array.from(snapshot.live, (slot) => snapshot.at(slot)!);
}
