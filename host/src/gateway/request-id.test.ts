import { describe, expect, it } from "vitest";
import { toRequestId } from "./request-id.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("a request's id", () => {
  const replaced = [
    { title: "none", given: undefined },
    { title: "an empty one", given: "" },
    { title: "a control character", given: "a\tb" },
    { title: "beyond ASCII", given: "m\u00fcller" },
    { title: "a long one", given: "x".repeat(257) },
  ];
  for (const { title, given } of replaced)
    it(`is made where the client gave ${title}`, () => expect(toRequestId(given)).toMatch(uuid));

  it("is the client's where that can be logged", () => {
    for (const given of ["a", "req 1/2", "x".repeat(256)]) expect(toRequestId(given)).toBe(given);
  });
});
