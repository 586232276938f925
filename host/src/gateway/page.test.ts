import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { serveFlags } from "../commands/serve-flags.ts";
import { createGatewayMetrics } from "./metrics.ts";

const page = readFileSync(new URL("../../../docs/gateway.md", import.meta.url), "utf8");

describe("docs/gateway.md", () => {
  const flags = serveFlags.filter(({ name }) => name.startsWith("gateway-"));

  it("has every flag of the gateway, and its default", () => {
    expect(flags.length).toBeGreaterThan(4);
    for (const { name, default: value } of flags) {
      const shown = value === undefined || value === "false" ? "off" : `\`${value}\``;
      expect(page).toContain(`| \`--${name}\` | ${shown} |`);
    }
  });

  it("has every metric of the gateway, and its labels", async () => {
    const registry = new Registry();
    createGatewayMetrics(registry);
    const metrics = await registry.getMetricsAsJSON();
    for (const { name } of metrics) expect(page).toContain(`\`${name}`);
    for (const [, name = ""] of page.matchAll(/`(outrider_\w+)/g)) {
      expect(metrics.map((metric) => metric.name)).toContain(name);
    }
  });
});
