export * from "./contract/index.ts";
export * from "./cycle/types.ts";
export { createEndpointTable } from "./table/endpoint-table.ts";
export { createLeases, type Lease, type Leases } from "./table/leases.ts";
export type { SlotHolder } from "./table/slots.ts";
export * from "./table/snapshot.ts";
export * from "./table/types.ts";
