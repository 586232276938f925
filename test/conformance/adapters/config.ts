import type { Adapter } from "../adapter.ts";
import { faultsOf, loadText, pluginTypes } from "../host/load.ts";
import { fromFault, notApplicable } from "../verdict.ts";

/** Sentences of start-up cases; what they say is what the adapter checks anyway. */
const understood = [
  /^EPP starts with this configuration$/,
  /^EPP starts with this configuration and every plugin listed is instantiated under the expected name and type$/,
];

/** Configurations of the reference EPP that have to load: each is given to the loader as it is. */
export const config: Adapter = async ({ fields }) => {
  const sentence = fields.texts("expect_properties").find((text) => !understood.some((pattern) => pattern.test(text)));
  if (sentence !== undefined) return notApplicable("in words", sentence);
  const text = JSON.stringify(fields.object("given").object("config").values);
  const faults = await faultsOf(text);
  const types = faults.filter(({ path }) => /^plugins\[\d+\]\.type$/.test(path)).map(({ message }) => message);
  if (types.length > 0) return notApplicable("plugin types", types.join("; "));
  if (faults[0] !== undefined) return notApplicable("configuration form", `${faults[0].path}: ${faults[0].message}`);
  const loaded = pluginTypes(await loadText(text));
  const wanted = fields.object("want").strings("plugins");
  const missing = Object.entries(wanted).find(([name, type]) => loaded.get(name) !== type);
  return fromFault(missing && `plugin ${missing[0]} of type ${missing[1]} is not there`);
};
