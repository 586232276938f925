import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { defaultDoorLimits } from "../doors/limits.ts";
import { cipherSuiteNames } from "../tls/cipher-suites.ts";
import { fromGoFlags } from "./go-flags.ts";
import { parseServe } from "./parse-serve.ts";
import { givenFlags, serveCommand } from "./serve.ts";
import { inertFlags, serveFlags } from "./serve-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-flags-"));
afterAll(() => rmSync(folder, { recursive: true }));

const token = "0123456789abcdef";
const tokenFile = join(folder, "token");
writeFileSync(tokenFile, `${token}\n`);
const shortFile = join(folder, "short");
writeFileSync(shortFile, "secret");

/** Flags as a shell would split them, through commander, behind endpoints that are there. */
async function parse(args: string, env: NodeJS.ProcessEnv = {}, endpoints = "--endpoints=a:1") {
  const command = serveCommand({}).exitOverride();
  const words = [endpoints, ...args.split(" ")].filter((word) => word !== "");
  command.action(() => {}).parse(fromGoFlags(words, command), { from: "user" });
  return parseServe(givenFlags(command), env);
}

async function optionsOf(args: string, env: NodeJS.ProcessEnv = {}) {
  const parsed = await parse(args, env);
  if (parsed.kind === "wrong") throw new Error(parsed.problems.join("\n"));
  return parsed.options;
}

async function problemsOf(args: string, env: NodeJS.ProcessEnv = {}, endpoints = "--endpoints=a:1") {
  const parsed = await parse(args, env, endpoints);
  return parsed.kind === "wrong" ? parsed.problems : [];
}

describe("parseServe", () => {
  it("needs endpoints and nothing else", async () => {
    expect(await optionsOf("")).toEqual({
      grpcPort: 9002,
      grpcHealthPort: 9003,
      metricsPort: 9090,
      gatewayPort: undefined,
      adminAddress: { host: "127.0.0.1", port: 9004 },
      adminToken: undefined,
      config: { kind: "builtin" },
      watchConfig: true,
      endpoints: ["a:1"],
      endpointsFile: undefined,
      attach: new Map(),
      secureServing: true,
      tls: { certPath: undefined, reloads: true, clientCaFile: undefined, minVersion: "TLSv1.2", cipherSuites: [] },
      healthChecking: false,
      refreshMetricsIntervalMs: 50,
      limits: defaultDoorLimits,
      bodyMode: "auto",
      usesSubset: true,
      emitsScores: false,
      conformanceSwitches: false,
      poolName: undefined,
      recordsPrompts: false,
      gateway: {
        upstream: "http1",
        connectTimeoutMs: 2_000,
        responseTimeoutMs: 600_000,
        idleTimeoutMs: 300_000,
        accessLog: false,
      },
      pickPort: undefined,
      pickTimeoutMs: 600_000,
      warmup: true,
      drainTimeoutMs: 30_000,
      verbosity: 2,
      notices: [],
    });
  });

  const settings: readonly { args: string; want: object; env?: NodeJS.ProcessEnv }[] = [
    { args: "-grpc-port 0 -metrics-port=1", want: { grpcPort: 0, metricsPort: 1 } },
    { args: "--gateway-port 0", want: { gatewayPort: 0 } },
    { args: "--endpoints b:2,,c:3 --endpoints=d:4", want: { endpoints: ["a:1", "b:2", "c:3", "d:4"] } },
    { args: "--endpoints-file e.yaml", want: { endpointsFile: "e.yaml" } },
    { args: "--config-file x.yaml", want: { config: { kind: "file", path: "x.yaml" } } },
    {
      args: "--attach a=unix:/tmp/a.sock --attach b=h2c://127.0.0.1:5",
      want: {
        attach: new Map([
          ["a", "unix:/tmp/a.sock"],
          ["b", "h2c://127.0.0.1:5"],
        ]),
      },
    },
    { args: "--config-text {}", want: { config: { kind: "text", text: "{}" } } },
    { args: "--secure-serving=false --health-checking", want: { secureServing: false, healthChecking: true } },
    { args: "--cert-path /certs", want: { tls: { certPath: "/certs" } } },
    {
      args: "--tls-min-version=VersionTLS13 --tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384 --client-ca-file=ca.pem --enable-cert-reload=false",
      want: {
        tls: {
          minVersion: "TLSv1.3",
          cipherSuites: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"],
          clientCaFile: "ca.pem",
          reloads: false,
        },
      },
    },
    { args: "--body-mode buffered", want: { bodyMode: "buffered" } },
    { args: "--gateway-upstream=h2c --gateway-access-log", want: { gateway: { upstream: "h2c", accessLog: true } } },
    { args: "--pick-port=9005 --pick-timeout=1m", want: { pickPort: 9005, pickTimeoutMs: 60_000 } },
    {
      args: "--max-open-requests=10 --max-connections 20 --max-held-bytes=2Gi",
      want: { limits: { maxOpenRequests: 10, maxConnections: 20, maxHeldBytes: 2_147_483_648 } },
    },
    {
      args: "--drain-timeout=1m30s --refresh-metrics-interval 1s",
      want: { drainTimeoutMs: 90_000, refreshMetricsIntervalMs: 1_000 },
    },
    { args: "--max-body-bytes 512k", want: { limits: { maxBodyBytes: 512_000 } } },
    { args: "--no-warmup -v=5", want: { warmup: false, verbosity: 5 } },
    { args: "--admin-address=[::1]:0", want: { adminAddress: { host: "::1", port: 0 } } },
    {
      args: `--admin-address :9004 --admin-token-file ${tokenFile}`,
      want: { adminToken: token, adminAddress: { host: "", port: 9004 } },
    },
    { args: "", env: { OUTRIDER_ADMIN_TOKEN: token }, want: { adminToken: token } },
    { args: "", env: { OUTRIDER_ADMIN_TOKEN: "" }, want: { adminToken: undefined } },
    { args: "--grpc-port 1 --grpc-port 2", want: { grpcPort: 2 } },
  ];
  for (const { args, want, env } of settings) {
    it(`reads "${args.replace(folder, "…")}"`, async () => expect(await optionsOf(args, env)).toMatchObject(want));
  }

  const problems: readonly { args: string; want: string; env?: NodeJS.ProcessEnv }[] = [
    { args: "--grpc-port=65536", want: '--grpc-port must be a port, 0 to 65535, is "65536" (write --grpc-port 9002)' },
    { args: "--metrics-port=x", want: '--metrics-port must be a port, 0 to 65535, is "x" (write --metrics-port 9002)' },
    {
      args: "--grpc-port=7 --gateway-port=7",
      want: "--gateway-port has port 7, as --grpc-port has (give each its own)",
    },
    {
      args: "--drain-timeout=30",
      want: '--drain-timeout must be a time from 0ms to 3600s, with its unit, is "30" (write --drain-timeout 30s)',
    },
    {
      args: "--refresh-metrics-interval=10ms",
      want: '--refresh-metrics-interval must be a time from 50ms to 60s, with its unit, is "10ms" (write --refresh-metrics-interval 50ms)',
    },
    {
      args: "--max-body-bytes=10MB",
      want: '--max-body-bytes must be a size from 1 to 1Gi, is "10MB" (write --max-body-bytes 10Mi)',
    },
    {
      args: "--max-body-bytes=0",
      want: '--max-body-bytes must be a size from 1 to 1Gi, is "0" (write --max-body-bytes 10Mi)',
    },
    {
      args: "--secure-serving=yes",
      want: '--secure-serving must be true or false, is "yes" (write --secure-serving=false)',
    },
    { args: "-v=loud", want: '-v must be a whole number, is "loud" (write -v=2)' },
    { args: "--config-file=a --config-text={}", want: "--config-file stands beside --config-text (keep one of them)" },
    {
      args: "--admin-address=9004",
      want: '--admin-address must be host:port, is "9004" (write --admin-address 127.0.0.1:9004)',
    },
    {
      args: "--admin-address=0.0.0.0:9004",
      want: '--admin-address is "0.0.0.0:9004", which other machines reach, so it needs a token (add --admin-token-file FILE, or set OUTRIDER_ADMIN_TOKEN)',
    },
    {
      args: `--admin-token-file=${shortFile}`,
      want: `--admin-token-file gets no token from ${shortFile}: it must be 16 or more visible ASCII characters (openssl rand -hex 32 makes one)`,
    },
    {
      args: "",
      env: { OUTRIDER_ADMIN_TOKEN: "short" },
      want: "--admin-token-file gets no token from OUTRIDER_ADMIN_TOKEN: it must be 16 or more visible ASCII characters (openssl rand -hex 32 makes one)",
    },
    {
      args: "--admin-token-file=/nope",
      want: "--admin-token-file cannot be read: ENOENT: no such file or directory, open '/nope' (name a file)",
    },
    {
      args: "--kv-cache-usage-percentage-metric=x",
      want: "--kv-cache-usage-percentage-metric is refused: vLLM's metrics are always read (remove it)",
    },
    {
      args: "--max-connections=0",
      want: '--max-connections must be a whole number from 1 to 10000000, is "0" (write --max-connections 10000)',
    },
    {
      args: "--body-mode=fast",
      want: '--body-mode must be auto or full-duplex or buffered or streamed or none, is "fast" (write --body-mode auto)',
    },
    {
      args: "--tls-cipher-suites=A,TLS_AES_128_GCM_SHA256",
      want: `--tls-cipher-suites names A, which is not among ${cipherSuiteNames.join(", ")} (leave it out for Node's suites)`,
    },
    {
      args: "--tls-cipher-suites=TLS_AES_128_GCM_SHA256",
      want: "--tls-cipher-suites names suites of TLS 1.3 alone, with which nobody can speak TLS 1.2, as Envoy does unless told otherwise (leave it out for Node's suites)",
    },
    { args: "--tracing=maybe", want: '--tracing must be true or false, is "maybe" (write --tracing=false)' },
    {
      args: "--attach team",
      want: '--attach must be process=url, is "team" (write --attach team=unix:/tmp/team.sock)',
    },
    {
      args: "--attach team=ftp://x",
      want: '--attach must be process=url, is "team=ftp://x" (write --attach team=unix:/tmp/team.sock)',
    },
  ];
  for (const { args, want, env } of problems) {
    it(`refuses "${args.replace(folder, "…")}"`, async () => expect(await problemsOf(args, env)).toContain(want));
  }

  it("tells of all problems at once", async () => {
    expect(await problemsOf("--grpc-port=x --metrics-port=y -v=z")).toHaveLength(3);
  });

  it("says what to write where there are no endpoints", async () => {
    const [plain] = await problemsOf("", {}, "");
    expect(plain).toBe(
      "there are no endpoints (write --endpoints 127.0.0.1:8001,127.0.0.1:8002, or --endpoints-file FILE)",
    );
    const [pool] = await problemsOf("--pool-name=p", {}, "");
    expect(pool).toContain("endpoints are not read from Kubernetes yet");
  });

  for (const { name, isSwitch, reason } of inertFlags) {
    it(`accepts --${name} and says that it has no effect`, async () => {
      const value = isSwitch ? "" : "=x";
      const { notices } = await optionsOf(`--${name}${value} ${isSwitch ? `--${name}=false` : ""}`.trim());
      const { notices: on } = await optionsOf(`-${name}${value}`);
      expect([...notices, ...on]).toContain(`--${name} has no effect: ${reason}`);
    });
  }

  it("says nothing where a flag without effect asks for what holds anyway", async () => {
    const args = "--tracing=false --enable-pprof=F --metrics-endpoint-auth=0";
    expect((await optionsOf(args)).notices).toEqual([]);
  });

  it("has every flag once", () => {
    const names = [...serveFlags, ...inertFlags].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
