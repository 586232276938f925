import { admissionTypes } from "./admission.ts";
import { dataTypes } from "./data.ts";
import { filterTypes } from "./filters.ts";
import { handlerTypes } from "./handlers.ts";
import { parserTypes } from "./parsers.ts";
import { pickerTypes } from "./pickers.ts";
import type { PolicyType } from "./policy-type.ts";
import { requestTypes } from "./requests.ts";

/** Every type that is plain code of the host, in the order of the table of types. */
export const policyTypes: readonly PolicyType[] = [
  ...filterTypes,
  ...pickerTypes,
  ...handlerTypes,
  ...parserTypes,
  ...admissionTypes,
  ...requestTypes,
  ...dataTypes,
];

const byType: ReadonlyMap<string, PolicyType> = new Map(policyTypes.map((policy) => [policy.type, policy]));

/** The declaration of a type; `undefined` where the host has none of it. */
export function findPolicyType(type: string): PolicyType | undefined {
  return byType.get(type);
}
