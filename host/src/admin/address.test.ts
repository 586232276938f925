import { describe, expect, it } from "vitest";
import { isLoopback, parseListenAddress } from "./address.ts";

describe("parseListenAddress", () => {
  const cases: readonly [string, { host: string; port: number } | undefined][] = [
    ["127.0.0.1:9004", { host: "127.0.0.1", port: 9004 }],
    [":9004", { host: "", port: 9004 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["[::1]:9004", { host: "::1", port: 9004 }],
    ["::1:9004", undefined],
    ["[localhost]:9004", undefined],
    ["9004", undefined],
    ["127.0.0.1", undefined],
    ["127.0.0.1:65536", undefined],
    ["127.0.0.1:", undefined],
    ["http://127.0.0.1:9004", undefined],
    ["a b:1", undefined],
    ["", undefined],
  ];
  for (const [text, want] of cases) it(`reads "${text}"`, () => expect(parseListenAddress(text)).toEqual(want));
});

describe("isLoopback", () => {
  const cases: readonly [string, boolean][] = [
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["localhost", true],
    ["", false],
    ["0.0.0.0", false],
    ["::", false],
    ["127.0.0.1.evil.example", false],
    ["localhost.evil.example", false],
    ["10.0.0.1", false],
  ];
  for (const [host, want] of cases)
    it(`${want ? "takes" : "does not take"} "${host}" for this machine`, () => expect(isLoopback(host)).toBe(want));
});
