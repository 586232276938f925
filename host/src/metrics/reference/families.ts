import type { FamilySpec } from "./family-spec.ts";
import { predictionFamilies } from "./prediction-families.ts";
import { requestFamilies } from "./request-families.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { scrapedFamilies } from "./scraped-families.ts";

/** All families, in groups. */
export const families: readonly { readonly title: string; readonly specs: readonly FamilySpec[] }[] = [
  { title: "requests", specs: Object.values(requestFamilies) },
  { title: "scheduler", specs: Object.values(schedulerFamilies) },
  { title: "prediction", specs: Object.values(predictionFamilies) },
  { title: "pool", specs: Object.values(scrapedFamilies) },
];
