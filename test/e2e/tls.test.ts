import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Envoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Authority, createAuthority, type KeyPair } from "../clients/certificates.ts";
import { cacheFolder, envoyMissing } from "../clients/envoy.ts";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

const serverName = "outrider.test";

describe.skipIf(envoyMissing !== undefined)(
  `TLS from Envoy to a host${envoyMissing ? ` (${envoyMissing})` : ""}`,
  () => {
    let fleet: Fleet;
    let servers: Authority;
    let gateways: Authority;
    let folder: string;
    let host: Host;
    const envoys: Envoy[] = [];

    beforeAll(async () => {
      fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
      servers = await createAuthority("servers");
      gateways = await createAuthority("gateways");
    });
    afterAll(() => fleet?.stop());
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "outrider-tls-"));
      putKeyPair(folder, await servers.issue(serverName));
      put(folder, "ca.crt", gateways.cert);
    });
    afterEach(async () => {
      await Promise.all(envoys.splice(0).map((envoy) => envoy.stop()));
      await host?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const start = async (args: readonly string[]) => {
      const tls = ["--secure-serving=true", `--cert-path=${folder}`];
      host = await startHost({ endpoints: fleet.endpoints, args: ["--no-warmup", ...tls, ...args] });
    };
    const connect = async (options: ClientTls) => {
      const envoy = await startEnvoy({
        program: await installEnvoy(cacheFolder),
        extProc: host.addresses.extProc,
        endpoints: fleet.endpoints,
        edit: (config) =>
          config.setIn(["static_resources", "clusters", 2, "transport_socket"], config.createNode(toSocket(options))),
      });
      envoys.push(envoy);
      return envoy;
    };

    it("shows its certificate to a gateway that verifies, and to none that trusts another authority", async () => {
      await start([]);
      expect(await ask(await connect({ trusted: servers.cert }))).toBe(200);
      expect(await ask(await connect({ trusted: gateways.cert }))).toBe(500);
    });

    const clients = [
      { title: "takes a gateway with a certificate of the authority", from: "gateways", status: 200 },
      { title: "takes no gateway without a certificate", from: undefined, status: 500 },
      { title: "takes no gateway with a certificate of another authority", from: "servers", status: 500 },
    ] as const;
    for (const { title, from, status } of clients) {
      it(title, async () => {
        await start([`--client-ca-file=${join(folder, "ca.crt")}`]);
        const authority = from === undefined ? undefined : { gateways, servers }[from];
        const own = await authority?.issue("gateway.test");
        expect(await ask(await connect({ trusted: servers.cert, own }))).toBe(status);
        const failed = await host.metric("outrider_tls_handshakes_failed_total");
        expect(failed > 0).toBe(status !== 200);
      });
    }

    it("speaks TLS 1.3 alone where it is told to, which Envoy does only where it is told to", async () => {
      await start(["--tls-min-version=VersionTLS13"]);
      expect(await ask(await connect({ trusted: servers.cert }))).toBe(500);
      expect(await ask(await connect({ trusted: servers.cert, maxVersion: "TLSv1_3" }))).toBe(200);
    });

    it("changes certificate and authorities under traffic without a failed request", async () => {
      await start([`--client-ca-file=${join(folder, "ca.crt")}`]);
      const old = await connect({ trusted: servers.cert, own: await gateways.issue("gateway.test") });
      const newServers = await createAuthority("new servers");
      const newGateways = await createAuthority("new gateways");

      const traffic = runTraffic({ door: old.overrideHost, ratePerS: 100, count: 400 });
      put(folder, "ca.crt", `${gateways.cert}\n${newGateways.cert}\n`);
      putKeyPair(folder, await newServers.issue(serverName));
      await until(
        () => host.metric('outrider_tls_reloads_total{outcome="reloaded"}'),
        (count) => count > 0,
      );
      const fresh = { trusted: newServers.cert, own: await newGateways.issue("gateway.test") };
      await until(
        async () => ask(await connect(fresh)),
        (status) => status === 200,
      );
      expect((await traffic).failures).toEqual({});
      expect(await old.stat("cluster.ext_proc.upstream_cx_total")).toBe(1);
      expect(await ask(await connect({ trusted: servers.cert, own: await gateways.issue("gateway.test") }))).toBe(500);
    });

    it("stays with the files it has where new ones do not fit each other", async () => {
      await start([]);
      const { key } = await servers.issue(serverName);
      put(folder, "tls.key", key);
      await until(
        () => host.metric('outrider_tls_reloads_total{outcome="failed"}'),
        (count) => count > 0,
      );
      expect(await ask(await connect({ trusted: servers.cert }))).toBe(200);
    });
  },
);

/** Envoy's side of TLS. */
interface ClientTls {
  /** Authorities of the host's certificate, PEM. */
  readonly trusted: string;
  /** Its own certificate; default none. */
  readonly own?: KeyPair | undefined;
  /** Default Envoy's, which is 1.2. */
  readonly maxVersion?: "TLSv1_3";
}

function toSocket({ trusted, own, maxVersion }: ClientTls) {
  const inline = (text: string) => ({ inline_string: text });
  const certificates = own === undefined ? [] : [{ certificate_chain: inline(own.cert), private_key: inline(own.key) }];
  const exact = [{ san_type: "DNS", matcher: { exact: serverName } }];
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: serverName,
      common_tls_context: {
        alpn_protocols: ["h2"],
        ...(maxVersion === undefined ? {} : { tls_params: { tls_maximum_protocol_version: maxVersion } }),
        tls_certificates: certificates,
        validation_context: { trusted_ca: inline(trusted), match_typed_subject_alt_names: exact },
      },
    },
  };
}

function putKeyPair(folder: string, { key, cert }: KeyPair): void {
  put(folder, "tls.key", key);
  put(folder, "tls.crt", cert);
}

/** Puts a file in its place at once. */
function put(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, `${name}.new`), text);
  renameSync(join(folder, `${name}.new`), join(folder, name));
}

async function ask(envoy: Envoy): Promise<number> {
  const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 1 });
  return (await exchange(`${envoy.overrideHost}/v1/completions`, { body })).status;
}
