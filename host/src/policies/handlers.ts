import { dataParallelProfileHandler } from "./handlers/data-parallel-profile-handler.ts";
import { deciderTypes } from "./handlers/deciders.ts";
import { disaggProfileHandler } from "./handlers/disagg-profile-handler.ts";
import { headerHandlers } from "./handlers/header-handlers.ts";
import { headerProfileHandler } from "./handlers/header-profile-handler.ts";
import { pdProfileHandler } from "./handlers/pd-profile-handler.ts";
import { profileRules } from "./handlers/profile-rules.ts";
import { singleProfileHandler } from "./handlers/single-profile-handler.ts";
import type { PolicyType } from "./policy-type.ts";

/** Types that decide which profiles run, and deciders that they ask. */
export const handlerTypes: readonly PolicyType[] = [
  singleProfileHandler,
  disaggProfileHandler,
  headerProfileHandler,
  profileRules,
  dataParallelProfileHandler,
  pdProfileHandler,
  ...headerHandlers,
  ...deciderTypes,
];
