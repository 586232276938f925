import fc from "fast-check";
import { expect, it } from "vitest";
import { scanBody } from "../facts/scan-body.ts";
import { replaceSpans } from "./replace-spans.ts";

const value = Buffer.from('"target"');

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

const bodies = [
  { title: "a model", body: '{"model":"m","prompt":"p"}', want: '{"model":"target","prompt":"p"}' },
  { title: "nothing but the model", body: '{"model":"m"}', want: '{"model":"target"}' },
  { title: "the last member", body: ' { "a" : [1] , "model" : "m" } ', want: ' { "a" : [1] , "model" : "target" } ' },
  {
    title: "each of several",
    body: '{"model":"a","x":1,"model":"b"}',
    want: '{"model":"target","x":1,"model":"target"}',
  },
  {
    title: "one of another type too",
    body: '{"model":{"a":[1]},"model":12 ,"model":"b"}',
    want: '{"model":"target","model":"target" ,"model":"target"}',
  },
  { title: "an escaped key", body: '{"\\u006dodel":"m"}', want: '{"\\u006dodel":"target"}' },
  { title: "an escaped value", body: '{"model":"\\"m\\u00e9\\\\"}', want: '{"model":"target"}' },
  {
    title: "the top level alone",
    body: '{"a":{"model":"m"},"model":"m","b":"\\"model\\":\\"m\\""}',
    want: '{"a":{"model":"m"},"model":"target","b":"\\"model\\":\\"m\\""}',
  },
  { title: "what follows a byte order mark", body: '\ufeff{"model":"m"}', want: '\ufeff{"model":"target"}' },
];
for (const { title, body, want } of bodies) {
  it(`replaces ${title} and leaves all other bytes, cut anywhere`, () => {
    const bytes = Buffer.from(body);
    const cuts = [...bytes.keys()].map((at) => [at]);
    for (const places of [...cuts, [...bytes.keys()]]) {
      const chunks = cutAt(bytes, places);
      const scan = scanBody(chunks);
      if (scan.kind === "fault") throw new Error(scan.message);
      expect(Buffer.concat(replaceSpans(chunks, scan.modelSpans, value)).toString()).toBe(want);
    }
  });
}

it("gives on the chunks themselves that have no span", () => {
  const chunks = ['{"a":1,', '"model":"m"', ',"b":2}'].map((text) => Buffer.from(text));
  const out = replaceSpans(chunks, [{ start: 15, end: 18 }], value);
  expect([out[0], out.at(-1)]).toEqual([chunks[0], chunks[2]]);
  expect(out[0]).toBe(chunks[0]);
  expect(out.at(-1)).toBe(chunks[2]);
});

it("does what splicing the whole body does, wherever spans and cuts are", () => {
  const places = fc.uniqueArray(fc.nat(40), { maxLength: 8 });
  fc.assert(
    fc.property(places, fc.array(fc.nat(40), { maxLength: 8 }), (borders, cuts) => {
      const bytes = Buffer.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN");
      const sorted = borders.sort((a, b) => a - b);
      const spans = sorted.flatMap((end, i) => (i % 2 === 1 ? [{ start: sorted[i - 1]!, end }] : []));
      const whole = spans.toReversed().reduce((text, { start, end }) => {
        return `${text.slice(0, start)}"target"${text.slice(end)}`;
      }, bytes.toString());
      expect(Buffer.concat(replaceSpans(cutAt(bytes, cuts), spans, value)).toString()).toBe(whole);
    }),
  );
});
