import { expect, it } from "vitest";
import type { CycleCall } from "../contract/index.ts";
import { createSessionAffinityFilter } from "./session-affinity-filter.ts";

const candidates = Uint32Array.of(1, 4, 6);
const filter = (profile: string, pins?: readonly (readonly [string, number])[]) =>
  createSessionAffinityFilter("session", profile).filter({ candidates, pins: pins && new Map(pins) } as CycleCall);

const cases = [
  { title: "keeps the endpoint alone that the session is pinned to", profile: "", pins: [["", 4]], want: [4] },
  { title: "keeps all where the session is pinned to none", profile: "", pins: [], want: [1, 4, 6] },
  { title: "keeps all where nobody pins sessions", profile: "", pins: undefined, want: [1, 4, 6] },
  { title: "keeps all where its endpoint is no candidate any more", profile: "", pins: [["", 5]], want: [1, 4, 6] },
  {
    title: "goes by the pick of its own profile",
    profile: "prefill",
    pins: [
      ["", 4],
      ["prefill", 6],
    ],
    want: [6],
  },
  { title: "knows no other profile's", profile: "prefill", pins: [["", 4]], want: [1, 4, 6] },
] as const;
for (const { title, profile, pins, want } of cases) {
  it(title, () => expect([...filter(profile, pins)]).toEqual(want));
}

it("keeps the list itself where all stay", () => expect(filter("")).toBe(candidates));
