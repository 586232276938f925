import { describe, expect, it } from "vitest";
import { formatDuration, parseDurationMs, parseSizeBytes } from "./units.ts";

describe("parseDurationMs", () => {
  const cases: readonly [string, number | undefined][] = [
    ["5ms", 5],
    ["1.5s", 1500],
    ["1m30s", 90_000],
    ["400us", 0.4],
    ["400µs", 0.4],
    [".5s", 500],
    ["2h", 7_200_000],
    ["0", 0],
    ["0s", 0],
    ["5", undefined],
    ["5 ms", undefined],
    ["-5ms", undefined],
    ["ms", undefined],
    ["", undefined],
    ["5msx", undefined],
    ["1e3ms", undefined],
    ["five", undefined],
    ["1s".repeat(10_000), undefined],
  ];
  for (const [text, want] of cases) {
    it(`reads "${text.slice(0, 20)}" as ${want}`, () => expect(parseDurationMs(text)).toBe(want));
  }
});

describe("formatDuration", () => {
  const cases: readonly [number, string][] = [
    [5, "5ms"],
    [1500, "1.5s"],
    [0.4, "400µs"],
    [0, "0ms"],
  ];
  for (const [ms, want] of cases) it(`writes ${ms} ms as ${want}`, () => expect(formatDuration(ms)).toBe(want));
});

describe("parseSizeBytes", () => {
  const cases: readonly [string, number | undefined][] = [
    ["10Mi", 10_485_760],
    ["500k", 500_000],
    ["4096", 4096],
    ["1.5Ki", 1536],
    ["0", 0],
    ["1.3", undefined],
    ["10MB", undefined],
    ["256MiB", 268_435_456],
    ["1.5GiB", 1_610_612_736],
    ["4B", undefined],
    ["4KiBB", undefined],
    ["-1", undefined],
    ["", undefined],
    ["9".repeat(40), undefined],
  ];
  for (const [text, want] of cases) {
    it(`reads "${text}" as ${want}`, () => expect(parseSizeBytes(text)).toBe(want));
  }
});
