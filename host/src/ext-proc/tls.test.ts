import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createManualClock, type ManualClock } from "../plugins/fixtures/manual-clock.ts";
import { createAuthority } from "../tls/testing/authority.ts";
import { createSecretFolder, type SecretFolder } from "../tls/testing/secret-folder.ts";
import type { TlsOptions } from "../tls/tls-options.ts";
import { createTlsSource, type TlsSource } from "../tls/tls-source.ts";
import { createHealthServer } from "./health-server.ts";
import { connectGateway, encodePart } from "./testing/fake-gateway.ts";
import { type OpenDoor, openDoor } from "./testing/open-door.ts";
import { getHeaders, responseBody, responseHeaders } from "./testing/parts.ts";

const ours = await createAuthority("ours");
const others = await createAuthority("others");
const [first, second] = await Promise.all([ours.issue("first"), ours.issue("second")]);
const toFiles = ({ cert, key } = first) => ({ "tls.crt": cert, "tls.key": key, "ca.crt": ours.cert });

let folder: SecretFolder;
let clock: ManualClock;
let registry: Registry;
let source: TlsSource;
let door: OpenDoor;

beforeEach(() => {
  folder = createSecretFolder();
  folder.swap(toFiles());
  clock = createManualClock();
  registry = new Registry();
});
afterEach(async () => {
  await door.close();
  source.close();
  folder.remove();
});

/** A door that speaks TLS from the folder, with a gateway connected that trusts our authority. */
async function open(options: Partial<TlsOptions> = {}, client: ConnectionOptions = {}): Promise<void> {
  const defaults = {
    certPath: folder.path,
    reloads: true,
    clientCaFile: undefined,
    minVersion: "TLSv1.2",
    cipherSuites: [],
  } as const;
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() };
  source = await createTlsSource({ ...defaults, ...options }, { clock, log, registry });
  door = await openDoor({ tls: source }, { ca: ours.cert, ...client });
}

const port = () => Number(new URL(door.url).port);

/** What a connection is like on which the server speaks HTTP/2; rejects where it ends before. */
async function handshake(options: ConnectionOptions = {}) {
  const target = { host: "localhost", servername: "localhost", port: port(), ALPNProtocols: ["h2"] };
  const socket = connect({ ...target, ca: ours.cert, ...options });
  await new Promise((resolve, reject) => {
    socket.once("data", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
  const shown = {
    protocol: socket.getProtocol(),
    alpn: socket.alpnProtocol,
    suite: socket.getCipher().name,
    name: socket.getPeerCertificate().subject.CN,
  };
  socket.destroy();
  return shown;
}

async function serves(gateway: Pick<OpenDoor, "open"> = door): Promise<void> {
  const call = gateway.open();
  for (const part of [getHeaders(), responseHeaders(200), responseBody("a", true)]) call.send(part);
  await call.receive(3);
  call.reset();
}

describe("a gateway is served", () => {
  it("that trusts the certificate's authority", async () => {
    await open();
    await serves();
    expect(door.gateway.session.encrypted).toBe(true);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`that speaks ${version} and nothing else`, async () => {
      await open();
      const shown = await handshake({ minVersion: version, maxVersion: version });
      expect(shown).toMatchObject({ protocol: version, alpn: "h2" });
    });
  }

  it("by the suites that were chosen", async () => {
    await open({ cipherSuites: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] });
    const { suite } = await handshake({ maxVersion: "TLSv1.2" });
    expect([suite, (await handshake()).suite]).toEqual([
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
    ]);
  });
});

describe("a gateway is refused", () => {
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const cases: readonly { title: string; options?: Partial<TlsOptions>; client: ConnectionOptions; want: RegExp }[] = [
    { title: "that speaks TLS 1.1 at most", client: old, want: /PROTOCOL_VERSION/ },
    {
      title: "that speaks TLS 1.2 at most where 1.3 is demanded",
      options: { minVersion: "TLSv1.3" },
      client: { maxVersion: "TLSv1.2" },
      want: /PROTOCOL_VERSION/,
    },
    {
      title: "that has none of the suites",
      options: { cipherSuites: ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] },
      client: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" },
      want: /HANDSHAKE_FAILURE/,
    },
  ];
  for (const { title, options, client, want } of cases) {
    it(`${title}, and others are served`, async () => {
      await open(options);
      await expect(handshake(client)).rejects.toMatchObject({ code: expect.stringMatching(want) });
      await serves();
      expect(await registry.getSingleMetricAsString("outrider_tls_handshakes_failed_total")).toMatch(/_total 1$/m);
    });
  }
});

describe("with an authority for gateways", () => {
  const clientCaFile = () => join(folder.path, "ca.crt");

  it("serves one with a certificate of this authority, whichever version it speaks", async () => {
    const client = await ours.issue("gateway");
    await open({ clientCaFile: clientCaFile() }, client);
    await serves();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      await handshake({ ...client, minVersion: version, maxVersion: version });
    }
  });

  const strangers = [
    { title: "without a certificate", client: async () => ({}) },
    { title: "with one of another authority", client: () => others.issue("gateway") },
  ];
  for (const { title, client } of strangers) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      it(`refuses one ${title} in ${version}`, async () => {
        await open({ clientCaFile: clientCaFile() }, await ours.issue("gateway"));
        await expect(handshake({ ...(await client()), minVersion: version, maxVersion: version })).rejects.toThrow();
        await serves();
        expect(await registry.getSingleMetricAsString("outrider_tls_handshakes_failed_total")).toMatch(/_total 1$/m);
      });
    }
  }

  it("refuses one whose authority has been replaced", async () => {
    const client = await ours.issue("gateway");
    await open({ clientCaFile: clientCaFile() }, client);
    folder.swap({ ...toFiles(), "ca.crt": others.cert });
    await pastReload();
    await expect(handshake(client)).rejects.toThrow();
    await serves();
  });
});

/** Lets the files be looked at until they have been read again. */
async function pastReload(): Promise<void> {
  let isReloaded = false;
  source.onChange(() => {
    isReloaded = true;
  });
  while (!isReloaded) {
    clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("a changed certificate", () => {
  it("is shown to new connections, and those that are open go on", async () => {
    await open();
    expect((await handshake()).name).toBe("first");
    const call = door.open();
    call.send(getHeaders());
    await call.receive(1);
    folder.swap(toFiles(second));
    await pastReload();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      expect((await handshake({ minVersion: version, maxVersion: version })).name).toBe("second");
    }
    call.send(responseHeaders(200));
    call.send(responseBody("late", true));
    await call.receive(3);
    await serves();
  });
});

describe("draining", () => {
  it("finishes what is open, also a message that has come in only half", async () => {
    await open();
    const call = door.open();
    call.send(getHeaders());
    await call.receive(1);
    const frame = encodePart(responseBody("x".repeat(100_000), true));
    call.send(responseHeaders(200));
    call.sendBytes(frame.subarray(0, 50_000));
    const drained = door.server.drain(10_000, 0);
    await serves();
    call.sendBytes(frame.subarray(50_000));
    await call.receive(3);
    call.reset();
    await drained;
    expect(door.scheduler.seen[0]?.causes).toEqual(["ok"]);
  });
});

it("health on its own port stays plaintext", async () => {
  await open();
  const health = createHealthServer(() => ({ ready: true, leader: undefined, draining: false }));
  const address = await health.listen("127.0.0.1", 0);
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  await once(session, "remoteSettings");
  session.destroy();
  await health.close();
  await expect(connectGateway(`http://localhost:${port()}`).then(serves)).rejects.toThrow();
});
