import { contextLengthFilter } from "./filters/context-length-filter.ts";
import { headerTestingFilter } from "./filters/header-testing-filter.ts";
import { labelFilters } from "./filters/label-filters.ts";
import { attributeFilter, utilizationFilter } from "./filters/load-filters.ts";
import { modelFilters } from "./filters/model-filters.ts";
import { roleFilters } from "./filters/role-filters.ts";
import { sessionAffinityFilter } from "./filters/session-affinity-filter.ts";
import { prefixCacheAffinityFilter, sloHeadroomTierFilter } from "./filters/slo-filters.ts";
import { topologyAffinityFilter } from "./filters/topology-affinity-filter.ts";
import type { PolicyType } from "./policy-type.ts";

/** Types that drop endpoints from the candidates. */
export const filterTypes: readonly PolicyType[] = [
  ...roleFilters,
  ...labelFilters,
  utilizationFilter,
  attributeFilter,
  topologyAffinityFilter,
  prefixCacheAffinityFilter,
  sloHeadroomTierFilter,
  contextLengthFilter,
  ...modelFilters,
  sessionAffinityFilter,
  headerTestingFilter,
];
