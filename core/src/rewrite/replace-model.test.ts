import { expect, it } from "vitest";
import { scanBody } from "../facts/scan-body.ts";
import { replaceModel } from "./replace-model.ts";

const bodies = [
  { title: "takes the place of another", body: '{"model":"m","prompt":"p"}', want: '{"model":"t\\"1","prompt":"p"}' },
  { title: "takes the place of null", body: '{ "model" : null }', want: '{ "model" : "t\\"1" }' },
  {
    title: "takes the place of each that repeats",
    body: '{"model":"","model":"b"}',
    want: '{"model":"t\\"1","model":"t\\"1"}',
  },
  {
    title: "is put before all others where there is none",
    body: '{"prompt":"p"}',
    want: '{"model":"t\\"1","prompt":"p"}',
  },
  {
    title: "is put behind a byte order mark and white space",
    body: '\ufeff { "a":{"model":"m"}}',
    want: '\ufeff {"model":"t\\"1", "a":{"model":"m"}}',
  },
  { title: "is not put into an empty object", body: "{}", want: "{}" },
];
for (const { title, body, want } of bodies) {
  it(`a model ${title}, cut anywhere`, () => {
    const bytes = Buffer.from(body);
    for (let at = 0; at <= bytes.length; at++) {
      const chunks = [bytes.subarray(0, at), bytes.subarray(at)];
      const scan = scanBody(chunks);
      if (scan.kind === "fault") throw new Error(scan.message);
      expect(Buffer.concat(replaceModel(chunks, scan.modelSpans, 't"1')).toString()).toBe(want);
    }
  });
}
