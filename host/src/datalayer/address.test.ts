import { describe, expect, it } from "vitest";
import { formatAddress, parseHostPort } from "./address.ts";

describe("an address that is none", () => {
  const cases = [
    { text: "", message: "has no port" },
    { text: "10.0.0.1", message: "has no port", hint: "write 10.0.0.1:8000" },
    { text: "::1", message: "has no port", hint: "write [::1]:8000" },
    { text: "::1:8000:", message: "has several colons", hint: "put an IPv6 address in brackets" },
    { text: "http://a:80/x", message: "is a URL", hint: "write a:80" },
    { text: "a:0", message: "has no port between 1 and 65535 behind its colon" },
    { text: "a:65536", message: "has no port between 1 and 65535 behind its colon" },
    { text: "a:80x", message: "has no port between 1 and 65535 behind its colon" },
    { text: "a:", message: "has no port between 1 and 65535 behind its colon" },
    { text: ":80", message: "has neither an IP address nor a name before its colon" },
    { text: "10.0.0.256:80", message: "has neither an IP address nor a name before its colon" },
    { text: "a b:80", message: "has neither an IP address nor a name before its colon" },
    { text: "[10.0.0.1]:80", message: "has no IPv6 address in its brackets" },
    { text: "[fe80::1%eth0]:80", message: "has no IPv6 address in its brackets" },
  ];
  for (const { text, message, hint = "" } of cases) {
    it(`is told so: ${JSON.stringify(text)}`, () => expect(parseHostPort(text)).toEqual({ message, hint }));
  }
});

describe("an address", () => {
  const cases = [
    { text: "10.0.0.1:8000", host: "10.0.0.1", port: 8000 },
    { text: "[::1]:65535", host: "::1", port: 65_535 },
    { text: "vllm-0.vllm_svc.example:1", host: "vllm-0.vllm_svc.example", port: 1 },
  ];
  for (const { text, host, port } of cases) {
    it(`is read: ${text}`, () => expect(parseHostPort(text)).toEqual({ host, port }));
  }

  it("has one form", () => {
    expect(formatAddress("2001:DB8:0:0::1", 80)).toBe("[2001:db8::1]:80");
    expect(formatAddress("10.0.0.1", 80)).toBe("10.0.0.1:80");
  });
});
