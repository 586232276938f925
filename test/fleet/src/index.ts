export { type MetricsFault, metricsFaults, type ServerFaults } from "./faults.ts";
export { type Fleet, startFleet } from "./fleet.ts";
export type { FleetOptions } from "./options.ts";
export { spawnFleet } from "./spawn.ts";
export type { FleetStats, FleetTotal, ServerStats } from "./stats.ts";
