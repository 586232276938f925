import { describe, expect, it } from "vitest";
import { callAbout } from "./fixtures/calls.ts";
import { createHeaderTestingFilter, selectEndpoints, selectionHeader } from "./header-testing-filter.ts";

describe("the header-based testing filter", () => {
  const cases: readonly { title: string; header: string; addresses: readonly string[]; want: readonly number[] }[] = [
    { title: "selects nobody without the header", header: "", addresses: ["10.0.0.1:3000"], want: [] },
    { title: "selects nobody by a blank header", header: " , ", addresses: ["10.0.0.1:3000"], want: [] },
    { title: "selects by IP", header: "10.0.0.1", addresses: ["10.0.0.1:3002"], want: [0] },
    {
      title: "selects by IP and port",
      header: "10.0.0.1:3002",
      addresses: ["10.0.0.1:3000", "10.0.0.1:3002", "10.0.0.2:3002"],
      want: [1],
    },
    {
      title: "selects in the order of the header, one of each IP",
      header: "10.0.0.3:3004, 10.0.0.2, 10.0.0.3",
      addresses: ["10.0.0.1:3000", "10.0.0.2:3002", "10.0.0.3:3004"],
      want: [2, 1],
    },
    {
      title: "selects no second rank of an IP",
      header: "10.0.0.1:3002,10.0.0.1:3000",
      addresses: ["10.0.0.1:3000", "10.0.0.1:3002"],
      want: [1],
    },
    { title: "selects by a bare IPv6", header: "fd00::2", addresses: ["[fd00::1]:3002", "[fd00::2]:3004"], want: [1] },
    {
      title: "selects by IPv6 in brackets",
      header: "[fd00::2]:3004,[fd00::1]",
      addresses: ["[fd00::1]:3002", "[fd00::2]:3004"],
      want: [1, 0],
    },
    {
      title: "selects nobody of an unknown IP or port",
      header: "10.0.0.9,10.0.0.1:1",
      addresses: ["10.0.0.1:3000"],
      want: [],
    },
  ];
  for (const { title, header, addresses, want } of cases) {
    it(title, () => {
      const headers: Record<string, string> = header === "" ? {} : { [selectionHeader]: header };
      const call = callAbout(
        addresses.map((address) => ({ address })),
        { facts: { headers } },
      );
      expect(selectEndpoints(header, call.candidates, call.endpoints)).toEqual(want);
      expect([...createHeaderTestingFilter("f").filter(call)]).toEqual(want.toSorted((one, other) => one - other));
    });
  }

  it("hands the candidates back where all are named", () => {
    const call = callAbout([{}, {}], { facts: { headers: { [selectionHeader]: "10.0.0.2,10.0.0.1" } } });
    expect(createHeaderTestingFilter("f").filter(call)).toBe(call.candidates);
  });
});
