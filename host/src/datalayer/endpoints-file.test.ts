import { describe, expect, it } from "vitest";
import { parseEndpointsFile } from "./endpoints-file.ts";

const read = (text: string | Uint8Array) =>
  parseEndpointsFile("pool.yaml", typeof text === "string" ? Buffer.from(text) : text);

describe("a file that names no endpoints", () => {
  const cases = [
    { title: "is empty", text: "", message: "pool.yaml:1:1 must be a map, is nothing" },
    { title: "is a list", text: "- a\n", message: "pool.yaml:1:1 must be a map, is a list" },
    { title: "has another field", text: "pods: []\n", message: "pool.yaml:1:1 endpoints: is missing" },
    { title: "is not UTF-8", text: Buffer.from([0x61, 0xff]), message: "pool.yaml: is not UTF-8" },
    { title: "is too long", text: Buffer.alloc(1_048_577, 0x20), message: "pool.yaml: is longer than 1048576 bytes" },
  ];
  for (const { title, text, message } of cases) {
    it(`is refused where it ${title}`, () => {
      expect(() => read(text)).toThrow(expect.objectContaining({ code: "ENDPOINTS_INVALID" }));
      expect(() => read(text)).toThrow(message);
    });
  }

  it("is refused where it ends within a value", () => {
    expect(() => read('{"endpoints": [{"name": "a"')).toThrow(/^pool\.yaml:1:\d+ is not YAML/);
  });

  it("is refused with all faults at once, in the order of the text", () => {
    const text = [
      "endpoints:",
      "- { name: a, address: vllm.local, port: 8000 }",
      "- { name: b, address: 10.0.0.2, port: 99999, weight: 3 }",
      "- { address: 10.0.0.3, port: true }",
      "- { name: d, address: 10.0.0.4, port: 80, labels: { rack: 3 } }",
    ].join("\n");
    expect(faults(text)).toEqual([
      'pool.yaml:2:23 endpoints[0].address: must be an IP address, is "vllm.local"',
      "pool.yaml:3:39 endpoints[1].port: must be a port between 1 and 65535, is 99999",
      expect.stringMatching(/^pool\.yaml:3:46 endpoints\[1\]\.weight: there is no such field/),
      "pool.yaml:4:3 endpoints[2].name: is missing",
      "pool.yaml:4:30 endpoints[2].port: must be a port between 1 and 65535, is true",
      'pool.yaml:5:59 endpoints[3].labels.rack: must be text, is 3 (write "3")',
    ]);
  });

  it("is refused where two endpoints share an id or an address", () => {
    const text = [
      "endpoints:",
      "- { name: a, address: 10.0.0.1, port: 80 }",
      "- { name: a, address: 10.0.0.2, port: 80 }",
      "- { name: b, address: '::1', port: 80 }",
      "- { name: c, address: '[0:0::1]', port: '80' }",
    ].join("\n");
    expect(faults(text)).toEqual([
      "pool.yaml:3:11 endpoints[1].name: default/a is endpoint 0 already (remove one of them)",
      "pool.yaml:5:23 endpoints[3].address: [::1]:80 is endpoint 2 already (remove one of them)",
    ]);
  });
});

describe("a file of endpoints", () => {
  const want = [
    { id: "default/a", address: "10.0.0.1:8000", labels: {} },
    { id: "prod/b", address: "[2001:db8::1]:8001", labels: { role: "decode" } },
  ];

  it("is read as YAML", () => {
    const text = [
      "endpoints:",
      "- name: a",
      "  address: 10.0.0.1",
      '  port: "8000"',
      "- name: b",
      "  namespace: prod",
      "  address: 2001:db8::1",
      "  port: 8001",
      "  labels: { role: decode }",
    ].join("\n");
    expect(read(text)).toEqual(want);
  });

  it("is read as JSON", () => {
    const b = { name: "b", namespace: "prod", address: "[2001:db8::1]", port: 8001, labels: { role: "decode" } };
    expect(read(JSON.stringify({ endpoints: [{ name: "a", address: "10.0.0.1", port: "8000" }, b] }))).toEqual(want);
  });

  it("may name none", () => expect(read("endpoints: []\n")).toEqual([]));
});

function faults(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
}
