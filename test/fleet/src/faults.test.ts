import { expect, it } from "vitest";
import { parseServerFaults } from "./faults.ts";

const wrong: { title: string; value: unknown; message: RegExp }[] = [
  { title: "nothing", value: undefined, message: /must be an object/ },
  { title: "a list", value: [], message: /must be an object/ },
  { title: "an unknown fault", value: { crash: true }, message: /unknown fault "crash": .*leave, hang/ },
  { title: "a name of the prototype chain", value: { toString: 1 }, message: /unknown fault "toString"/ },
  { title: "a share above 1", value: { errorShare: 2 }, message: /"errorShare" cannot be 2/ },
  { title: "a factor of 0", value: { slowFactor: 0 }, message: /"slowFactor" cannot be 0/ },
  { title: "an unknown page", value: { metrics: "pdf" }, message: /"metrics" cannot be "pdf"/ },
  { title: "a truth that is a number", value: { leave: 1 }, message: /"leave" cannot be 1/ },
];
for (const { title, value, message } of wrong) {
  it(`refuses ${title}`, () => expect(() => parseServerFaults(value)).toThrow(message));
}

it("takes every fault there is", () => {
  const faults = { leave: false, hang: true, errorShare: 0.5, slowFactor: 2, metrics: "nan", resetAfterTokens: 0 };
  expect(parseServerFaults(faults)).toEqual(faults);
});
