/** How close two endpoints are, the closest first. */
export const topologyLevels = ["host", "rack", "zone", "region"] as const;

/** One of {@link topologyLevels}. */
export type TopologyLevel = (typeof topologyLevels)[number];

/** Label that names an endpoint's place on each level; those of Kubernetes' nodes by default. */
export const defaultTopologyLabels: Readonly<Record<TopologyLevel, string>> = {
  host: "kubernetes.io/hostname",
  rack: "topology.kubernetes.io/rack",
  zone: "topology.kubernetes.io/zone",
  region: "topology.kubernetes.io/region",
};
