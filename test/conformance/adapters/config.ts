import type { Adapter } from "../adapter.ts";
import { openHost } from "../host/host-under-test.ts";
import { faultsOf, isImplied, loadText, pluginTypes, refusedTypes, typeFaults } from "../host/load.ts";
import { fail, notApplicable, pass } from "../verdict.ts";

/** Sentences of start-up cases; what they say is what the adapter checks anyway. */
const understood = [
  /^EPP starts with this configuration$/,
  /^EPP starts with this configuration and every plugin listed is instantiated under the expected name and type$/,
];

/** Types whose instances the reference tells by the type that they are made of. */
const madeOf: Readonly<Record<string, string>> = {
  "decode-filter": "by-label",
  "prefill-filter": "by-label",
  "encode-filter": "by-label",
};

/** Configurations of the reference EPP that have to load: each is given to the loader as it is, and a host is made of it. */
export const config: Adapter = async ({ fields }) => {
  const sentence = fields.texts("expect_properties").find((text) => !understood.some((pattern) => pattern.test(text)));
  if (sentence !== undefined) return notApplicable("in words", sentence);
  const text = JSON.stringify(fields.object("given").object("config").values);
  const faults = await faultsOf(text);
  const types = typeFaults(faults);
  if (types.length > 0) throw refusedTypes(types);
  if (faults[0] !== undefined) return notApplicable("configuration form", `${faults[0].path}: ${faults[0].message}`);
  const host = await openHost({ pool: [], configText: text });
  await host.close();
  const loaded = pluginTypes(await loadText(text));
  const notes: string[] = [];
  for (const [name, type] of Object.entries(fields.object("want").strings("plugins"))) {
    const found = loaded.get(name);
    if (found === type) continue;
    if (found !== undefined && madeOf[found] === type) notes.push(`${name} by its own type`);
    else if (found === undefined && name === type && (await isImplied(type))) notes.push(`${name} is always there`);
    else return fail(`plugin ${name} of type ${type} is ${found === undefined ? "not there" : `of type ${found}`}`);
  }
  return pass(notes.join(", "));
};
