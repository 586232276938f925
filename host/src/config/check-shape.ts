import { adviseRefusedField } from "./refused-fields.ts";
import type { Reporter } from "./reporter.ts";
import { endpointPickerConfig } from "./schema.ts";
import { fieldsOf, type ShapeIssue, toShapeFaults } from "./shape.ts";

/** Checks the shape of a configuration's plain value. */
export function checkShape(value: unknown, report: Reporter): void {
  if (value === null || value === undefined) {
    report.fault([], "is empty", "write apiVersion: outrider.dev/v1alpha1 and kind: EndpointPickerConfig first");
    return;
  }
  const { error } = endpointPickerConfig.safeParse(value);
  for (const issue of (error?.issues ?? []) as readonly ShapeIssue[]) {
    const faults = toShapeFaults(issue, value, (at) => fieldsOf(endpointPickerConfig, at));
    for (const { path, part, message, hint } of faults) {
      const refused = adviseRefusedField(path);
      if (refused === undefined) report.fault(path, message, hint, part);
      else report.fault(path, refused.message, refused.remedy, "key");
    }
  }
}
