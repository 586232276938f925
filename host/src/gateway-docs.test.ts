import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { fromGoFlags } from "./commands/go-flags.ts";
import { type ParsedServe, parseServe } from "./commands/parse-serve.ts";
import { givenFlags, serveCommand } from "./commands/serve.ts";
import { serveFlags } from "./commands/serve-flags.ts";
import type { ServeOptions } from "./commands/serve-options.ts";
import { catalogue } from "./config/fixtures/catalogue.ts";
import { loadConfig } from "./config/load.ts";
import { parseEndpointsFile } from "./datalayer/endpoints-file.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}docs/gateways/`;
const pages = readdirSync(folder).map((name) => ({ name, text: readFileSync(`${folder}${name}`, "utf8") }));
const gatewayPages = pages.filter(({ name }) => name !== "README.md" && name !== "kubernetes.md");

/** Groups of the kinds that the pages show, with their versions. */
const apiVersions: Readonly<Record<string, readonly string[]>> = {
  ConfigMap: ["v1"],
  Service: ["v1"],
  Deployment: ["apps/v1"],
  InferencePool: ["inference.networking.k8s.io/v1", "inference.networking.x-k8s.io/v1alpha2"],
  Gateway: ["gateway.networking.k8s.io/v1"],
  GatewayClass: ["gateway.networking.k8s.io/v1"],
  HTTPRoute: ["gateway.networking.k8s.io/v1"],
  DestinationRule: ["networking.istio.io/v1"],
  HealthCheckPolicy: ["networking.gke.io/v1"],
  GCPBackendPolicy: ["networking.gke.io/v1"],
  EndpointPickerConfig: ["outrider.dev/v1alpha1"],
};

/** An object of a page, walked by keys and indices. */
class Yaml {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
  at(...path: readonly (string | number)[]): unknown {
    let value = this.value;
    for (const key of path) value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
    return value;
  }
  get kind(): string {
    return String(this.at("kind"));
  }
}

const snippets = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"))].map((match) => match[1] ?? "");

/** Every document of a page's YAML, in order. */
function documentsOf(text: string): readonly Yaml[] {
  return snippets(text, "yaml").flatMap((snippet) =>
    parseAllDocuments(snippet).map((document) => {
      expect(document.errors).toEqual([]);
      return new Yaml(document.toJS());
    }),
  );
}

const objectsOf = (text: string, kind?: string) =>
  documentsOf(text).filter((document) => document.at("kind") !== undefined && (!kind || document.kind === kind));
const kubernetes = pages.find(({ name }) => name === "kubernetes.md")?.text ?? "";
const only = (kind: string) => objectsOf(kubernetes, kind)[0] ?? new Yaml({});

/** Arguments through commander and the checks of `outrider serve`. */
function parseArgs(args: readonly string[]): Promise<ParsedServe> {
  const command = serveCommand({}).exitOverride();
  const words = args[0] === "serve" ? args.slice(1) : args;
  command.action(() => {}).parse(fromGoFlags(words, command), { from: "user" });
  return parseServe(givenFlags(command), {});
}

async function optionsOf(args: readonly string[]): Promise<ServeOptions> {
  const parsed = await parseArgs(args);
  if (parsed.kind === "wrong") throw new Error(parsed.problems.join("\n"));
  return parsed.options;
}

describe("every page of a gateway", () => {
  const flags = ["no-warmup", ...serveFlags.map(({ name }) => name)];
  const sources = globSync("src/**/*.ts", { cwd: `${root}host`, exclude: (path) => path.endsWith(".test.ts") });
  const code = sources.map((file) => readFileSync(`${root}host/${file}`, "utf8")).join("\n");

  it("is in the table, which names no other", () => {
    const readme = pages.find(({ name }) => name === "README.md")?.text ?? "";
    const rows = readme.split("\n").filter((line) => line.startsWith("| ["));
    const linked = rows.map((row) => /\(([\w-]+\.md)\)/.exec(row)?.[1]);
    expect(new Set(linked)).toEqual(new Set(gatewayPages.map(({ name }) => name)));
  });

  for (const { name, text } of pages) {
    it(`${name} links to what is there`, () => {
      const links = [...text.matchAll(/\]\((?!http)([^)#]+)\)/g)].map((match) => match[1] ?? "");
      expect(links.filter((link) => !existsSync(`${folder}${link}`))).toEqual([]);
    });

    it(`${name} names flags and metrics that there are`, () => {
      const named = [...text.matchAll(/`[^`\n]*?--([a-z][a-z-]+)/g)].map((match) => match[1] ?? "");
      expect(named.filter((flag) => !flags.includes(flag))).toEqual([]);
      const metrics = [...text.matchAll(/`(outrider_\w+)`/g)].map((match) => match[1] ?? "");
      expect(metrics.filter((metric) => !code.includes(`"${metric}"`))).toEqual([]);
    });

    it(`${name} asks for metrics that there are`, () => {
      const patterns = [...text.matchAll(/grep (?:-E )?'?\^?(outrider_[\w()|]+)'?/g)].map((match) => match[1] ?? "");
      const names = patterns.flatMap(expandAlternatives);
      expect(names.filter((metric) => !code.includes(`"${metric}"`))).toEqual([]);
    });

    it(`${name} shows objects of the versions that there are`, () => {
      const odd = objectsOf(text).filter(({ kind, value }) => {
        const { apiVersion } = value as { apiVersion?: string };
        return !(apiVersions[kind] ?? []).includes(apiVersion ?? "");
      });
      expect(odd).toEqual([]);
    });

    for (const line of snippets(text, "sh").flatMap((snippet) => snippet.match(/^outrider serve .*$/gm) ?? [])) {
      it(`${name} shows a command that starts: ${line}`, async () => {
        expect((await optionsOf(line.split(" ").slice(1))).notices).toEqual([]);
      });
    }
  }

  for (const { name, text } of gatewayPages) {
    it(`${name} has its three parts`, () => {
      const headings = [...text.matchAll(/^## (.*)$/gm)].map((match) => match[1]);
      expect(headings).toEqual(["Configuration to paste", "Limits", "Check that it works"]);
    });

    it(`${name} has objects that name one another`, () => {
      const [pool] = objectsOf(text, "InferencePool");
      const service = only("Service");
      for (const route of objectsOf(text, "HTTPRoute")) {
        expect(route.at("spec", "rules", 0, "backendRefs", 0)).toEqual({
          group: String(pool?.at("apiVersion")).split("/")[0],
          kind: "InferencePool",
          name: pool?.at("metadata", "name"),
        });
        expect(route.at("spec", "parentRefs", 0, "name")).toBe(objectsOf(text, "Gateway")[0]?.at("metadata", "name"));
      }
      for (const found of objectsOf(text, "InferencePool")) {
        const reference = new Yaml(found.at("spec", "endpointPickerRef") ?? found.at("spec", "extensionRef"));
        expect(reference.at("name")).toBe(service.at("metadata", "name"));
        const port = reference.at("port", "number") ?? reference.at("portNumber");
        expect(port).toBe(service.at("spec", "ports", 0, "port"));
      }
      for (const kind of ["HealthCheckPolicy", "GCPBackendPolicy"]) {
        for (const policy of objectsOf(text, kind))
          expect(policy.at("spec", "targetRef", "name")).toBe(pool?.at("metadata", "name"));
      }
      for (const rule of objectsOf(text, "DestinationRule"))
        expect(rule.at("spec", "host")).toMatch(new RegExp(`^${service.at("metadata", "name")}\\.`));
    });

    it(`${name} shows configurations of Outrider that are valid`, async () => {
      for (const snippet of snippets(text, "yaml").filter((candidate) => candidate.includes("EndpointPickerConfig"))) {
        const result = await loadConfig({ name, bytes: Buffer.from(snippet), folder: "/" }, catalogue);
        expect(result).toMatchObject({ kind: "valid", warnings: [] });
      }
    });

    it(`${name} allows a list only where its gateway takes one`, () => {
      const dialect = readFileSync(`${root}host/src/ext-proc/fixtures/dialects/${name.replace(/md$/, "yaml")}`, "utf8");
      const takesOne = dialect.includes("\ndestination: single\n");
      expect(/leave `maxNumOfEndpoints` at 1/.test(text)).toBe(takesOne);
      expect(/maxNumOfEndpoints: [2-9]/.test(text)).toBe(!takesOne);
    });
  }
});

describe("docs/gateways/kubernetes.md", () => {
  const container = (...path: readonly (string | number)[]) =>
    only("Deployment").at("spec", "template", "spec", "containers", 0, ...path);
  const ports = (list: unknown, key: string) =>
    Object.fromEntries((list as Readonly<Record<string, unknown>>[]).map((port) => [port.name, port[key]]));

  it("starts Outrider with flags that it takes, on the ports that it exposes", async () => {
    const options = await optionsOf(container("args") as string[]);
    const listening = {
      "grpc-ext-proc": options.grpcPort,
      "grpc-health": options.grpcHealthPort,
      "http-metrics": options.metricsPort,
    };
    expect(options.notices).toEqual([]);
    expect(ports(container("ports"), "containerPort")).toEqual(listening);
    expect(ports(only("Service").at("spec", "ports"), "targetPort")).toEqual(listening);
    expect(container("readinessProbe", "grpc", "port")).toBe(options.grpcHealthPort);
    expect(container("livenessProbe", "grpc", "port")).toBe(options.grpcHealthPort);
    expect(options.secureServing).toBe(true);
    const graceS = only("Deployment").at("spec", "template", "spec", "terminationGracePeriodSeconds") as number;
    expect(graceS * 1000).toBeGreaterThan(options.drainTimeoutMs);
  });

  it("mounts the files that the flags name", async () => {
    const options = await optionsOf(container("args") as string[]);
    const mounts = container("volumeMounts") as { name: string; mountPath: string }[];
    const volumes = only("Deployment").at("spec", "template", "spec", "volumes") as Readonly<Record<string, unknown>>[];
    const configMaps = objectsOf(kubernetes, "ConfigMap");
    const path = options.config.kind === "file" ? options.config.path : "";
    for (const file of [path, options.endpointsFile ?? ""]) {
      const [folderName, base] = [file.slice(0, file.lastIndexOf("/")), file.slice(file.lastIndexOf("/") + 1)];
      const mount = mounts.find(({ mountPath }) => mountPath === folderName);
      const volume = new Yaml(volumes.find(({ name }) => name === mount?.name));
      const map = configMaps.find((found) => found.at("metadata", "name") === volume.at("configMap", "name"));
      expect(map?.at("data", base)).toBeTypeOf("string");
    }
  });

  it("has a configuration and a file of endpoints that are valid", async () => {
    const [config, endpoints] = objectsOf(kubernetes, "ConfigMap");
    const bytes = Buffer.from(String(config?.at("data", "epp.yaml")));
    const result = await loadConfig({ name: "epp.yaml", bytes, folder: "/" }, catalogue);
    expect(result).toMatchObject({ kind: "valid", warnings: [] });
    const list = Buffer.from(String(endpoints?.at("data", "endpoints.yaml")));
    expect(parseEndpointsFile("endpoints.yaml", list)).toHaveLength(2);
  });

  it("makes a file of endpoints of slices that Outrider reads", () => {
    const made = { endpoints: [{ name: "vllm-0", address: "fd00::7", port: 8000 }] };
    const program = /jq '([^']*)'/.exec(kubernetes)?.[1] ?? "";
    expect(program.match(/(\w+): /g)).toEqual(["endpoints: ", "name: ", "address: ", "port: "]);
    expect(parseEndpointsFile("endpoints.yaml", Buffer.from(JSON.stringify(made)))).toMatchObject([
      { id: "default/vllm-0", address: "[fd00::7]:8000" },
    ]);
  });
});

/** `a_(b|c)_d` as `a_b_d` and `a_c_d`. */
function expandAlternatives(pattern: string): readonly string[] {
  const [whole, before = "", inner = "", after = ""] = /^([^(]*)\(([^)]*)\)(.*)$/.exec(pattern) ?? [];
  return whole === undefined ? [pattern] : inner.split("|").map((part) => `${before}${part}${after}`);
}
