import { createEndpointTable } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { selectCandidates } from "./candidates.ts";

const addresses = ["10.0.0.1:8080", "10.0.0.1:9090", "10.0.0.2:8080", "[fd00::1]:8000"];

function snapshotOf(ready: (address: string) => boolean) {
  const table = createEndpointTable({ epoch: 1 });
  for (const address of addresses) table.setReady(table.upsert({ id: address, address, labels: {} }), ready(address));
  return table.publish(1000);
}

describe("candidates", () => {
  const snapshot = snapshotOf(() => true);
  const cases = [
    { title: "are all endpoints without a subset", subset: undefined, want: addresses },
    { title: "are none with an empty subset", subset: [], want: [] },
    { title: "are every port of an address without one", subset: ["10.0.0.1"], want: addresses.slice(0, 2) },
    { title: "are that port alone of an address with one", subset: ["10.0.0.1:9090"], want: ["10.0.0.1:9090"] },
    { title: "follow no port that does not exist", subset: ["10.0.0.1:3000"], want: [] },
    { title: "know an IPv6 address without brackets", subset: ["fd00::1"], want: ["[fd00::1]:8000"] },
    { title: "know an IPv6 address in brackets", subset: ["[fd00::1]"], want: ["[fd00::1]:8000"] },
    { title: "know an IPv6 address with its port", subset: ["[fd00::1]:8000"], want: ["[fd00::1]:8000"] },
  ];
  for (const { title, subset, want } of cases) {
    it(title, () => {
      const found = [...selectCandidates(snapshot, subset)].map((slot) => snapshot.at(slot)?.address);
      expect(found).toEqual(want);
    });
  }

  it("leave out endpoints that are not ready", () => {
    const mixed = snapshotOf((address) => address.startsWith("10.0.0.2"));
    expect([...selectCandidates(mixed, undefined)].map((slot) => mixed.at(slot)?.address)).toEqual(["10.0.0.2:8080"]);
  });

  it("are all endpoints when none is ready", () => {
    expect(
      selectCandidates(
        snapshotOf(() => false),
        undefined,
      ),
    ).toHaveLength(addresses.length);
  });
});
