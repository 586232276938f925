import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { inertFlags, serveFlags } from "../commands/serve-flags.ts";
import { cipherSuiteNames } from "./cipher-suites.ts";
import { createTlsMetrics } from "./metrics.ts";

const page = readFileSync(new URL("../../../docs/tls.md", import.meta.url), "utf8");

describe("docs/tls.md", () => {
  it("has all suites, in order, and no other", () => {
    expect(page.match(/^TLS_\w+$/gm)).toEqual(cipherSuiteNames);
  });

  it("has every flag of TLS, and names none that is not there", () => {
    const named = new Set([...page.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name));
    const ofTls = serveFlags.filter(({ group }) => group.startsWith("TLS")).map(({ name }) => name);
    expect(ofTls.filter((name) => !named.has(name))).toEqual([]);
    const known = new Set([...serveFlags, ...inertFlags].map(({ name }) => name));
    expect([...named].filter((name) => !known.has(name ?? ""))).toEqual([]);
  });

  it("has every metric of TLS", async () => {
    const registry = new Registry();
    createTlsMetrics(registry);
    const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });

  it("shows YAML that can be read", () => {
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => parse(text) as object);
    expect(blocks.map((block) => Object.keys(block))).toEqual([["transport_socket"], ["retry_policy"]]);
  });
});
