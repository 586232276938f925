import { expect, it } from "vitest";
import { createPace } from "./pace.ts";

const cases = [
  { title: "1 s where no request has ended", ended: [], saturation: 50, want: 1 },
  { title: "1 s where the load just fits", ended: [60_000], saturation: 1, want: 1 },
  { title: "1 s for what is no saturation at all", ended: [60_000], saturation: 0, want: 1 },
  { title: "the time in which e times the load shrinks to what fits", ended: [8_000], saturation: Math.E, want: 8 },
  { title: "whole seconds, rounded up", ended: [8_100], saturation: Math.E, want: 9 },
  { title: "a minute at most", ended: [600_000], saturation: 100, want: 60 },
];
for (const { title, ended, saturation, want } of cases) {
  it(`tells ${title}`, () => {
    const pace = createPace();
    for (const ms of ended) pace.ended(ms);
    expect(pace.retryAfterS(saturation)).toBe(want);
  });
}

it("follows requests that take longer", () => {
  const pace = createPace();
  for (let i = 0; i < 200; i++) pace.ended(1_000);
  for (let i = 0; i < 200; i++) pace.ended(10_000);
  expect(pace.retryAfterS(Math.E)).toBe(10);
});
