import type { Adapter, RunContext } from "./adapter.ts";
import type { EppCase } from "./case-file.ts";
import type { FeatureName } from "./features.ts";
import type { Fields } from "./fields.ts";
import { notApplicable, type Verdict } from "./verdict.ts";

/** One kind of row of a group, told by the names of its fields. */
export interface Shape {
  /** Fields of `given`; a trailing `?` marks one that may be absent. */
  readonly given: readonly string[];
  /** Fields of `want`, alike. */
  readonly want: readonly string[];
  /** Asks Outrider; whatever it cannot ask it throws as {@link NotApplicable}. */
  run(given: Fields, want: Fields, testCase: EppCase, context: RunContext): Verdict | Promise<Verdict>;
}

/** An adapter for a group of unit rows: the first shape that fits runs; a row that fits none is not applicable. */
export function byShape(shapes: readonly Shape[]): Adapter {
  return (testCase, context) => {
    const given = testCase.fields.object("given");
    const want = testCase.fields.object("want");
    const shape = shapes.find((candidate) => fits(given, candidate.given) && fits(want, candidate.want));
    if (shape !== undefined) return shape.run(given, want, testCase, context);
    const named = (fields: Fields) => Object.keys(fields.values).join(", ") || "nothing";
    return notApplicable("unknown fields", `given ${named(given)}; want ${named(want)}`);
  };
}

function fits(fields: Fields, names: readonly string[]): boolean {
  const required = names.filter((name) => !name.endsWith("?"));
  const known = names.map((name) => name.replace("?", ""));
  return required.every((name) => name in fields.values) && fields.unknown(known).length === 0;
}

/** An adapter for a group that cannot run yet, whatever its rows are. */
export function notBuilt(feature: FeatureName, detail?: string): Adapter {
  return () => notApplicable(feature, detail);
}
