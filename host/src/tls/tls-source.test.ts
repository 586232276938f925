import { join } from "node:path";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createManualClock, type ManualClock } from "../plugins/fixtures/manual-clock.ts";
import { createSelfSigned } from "./self-signed.ts";
import { createSecretFolder, type SecretFolder } from "./testing/secret-folder.ts";
import type { TlsOptions } from "./tls-options.ts";
import { createTlsSource, type TlsSource } from "./tls-source.ts";

const [first, second, third] = await Promise.all([1, 2, 3].map(() => createSelfSigned(Date.now())));
const toFiles = (pair = first) => ({ "tls.crt": pair?.cert ?? "", "tls.key": pair?.key ?? "" });

let folder: SecretFolder;
let clock: ManualClock;
let registry: Registry;
let source: TlsSource | undefined;
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() };

beforeEach(() => {
  folder = createSecretFolder();
  clock = createManualClock();
  registry = new Registry();
  vi.resetAllMocks();
});
afterEach(() => {
  source?.close();
  source = undefined;
  folder.remove();
});

async function open(options: Partial<TlsOptions> = {}): Promise<TlsSource> {
  const defaults = {
    certPath: folder.path,
    reloads: true,
    clientCaFile: undefined,
    minVersion: "TLSv1.2",
    cipherSuites: [],
  } as const;
  source = await createTlsSource({ ...defaults, ...options }, { clock, log, registry });
  return source;
}

const metric = async (series: string) =>
  Number(
    (await registry.metrics())
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.split(" ")[1],
  );

/** Lets the time of looks pass until it is so. */
async function passUntil(condition: () => boolean): Promise<void> {
  while (!condition()) {
    clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets enough looks pass that whatever would be found is found. */
async function passLooks(): Promise<void> {
  let turns = 0;
  await passUntil(() => ++turns > 50);
}

describe("files that cannot be used stop the start, by name", () => {
  const { "tls.crt": crt, "tls.key": key } = toFiles();
  const noCertificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
  const cases = [
    { title: "no files", files: {}, want: /tls\.(crt|key) cannot be read: ENOENT/ },
    { title: "no key", files: { "tls.crt": crt }, want: /tls\.key cannot be read: ENOENT/ },
    {
      title: "no certificate in tls.crt",
      files: { "tls.crt": "hello", "tls.key": key },
      want: /tls\.crt holds no cert/,
    },
    {
      title: "a certificate that is none",
      files: { "tls.crt": noCertificate, "tls.key": key },
      want: /tls\.crt holds a certificate that cannot be read, number 1/,
    },
    {
      title: "no key in tls.key",
      files: { "tls.crt": crt, "tls.key": crt },
      want: /tls\.key is no private key in PEM/,
    },
    {
      title: "the key of another certificate",
      files: { "tls.crt": crt, "tls.key": second?.key ?? "" },
      want: /tls\.key is not the key of the certificate in .*tls\.crt/,
    },
    {
      title: "a file without an end",
      files: { "tls.crt": "a".repeat(1024 * 1024 + 1), "tls.key": key },
      want: /tls\.crt is larger than 1048576 bytes/,
    },
  ];
  for (const { title, files, want } of cases) {
    it(title, async () => {
      for (const [name, text] of Object.entries(files)) folder.write(name, text);
      await expect(open()).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(want) });
    });
  }

  const authorities = [
    { title: "no file of clients' authorities", text: undefined, want: /ca\.crt cannot be read: ENOENT/ },
    { title: "an authority that is no PEM", text: "hello", want: /ca\.crt holds no certificate in PEM/ },
    { title: "a second authority that is none", text: `${crt}${noCertificate}`, want: /cannot be read, number 2/ },
  ];
  for (const { title, text, want } of authorities) {
    it(title, async () => {
      folder.swap(toFiles());
      if (text !== undefined) folder.write("ca.crt", text);
      const opening = open({ clientCaFile: join(folder.path, "ca.crt") });
      await expect(opening).rejects.toMatchObject({ code: "CONFIG_INVALID", message: expect.stringMatching(want) });
    });
  }
});

it("asks clients for a certificate only where an authority for them is named", async () => {
  folder.swap({ ...toFiles(), "ca.crt": second?.cert ?? "" });
  expect((await open()).current).toMatchObject({ requestCert: false, rejectUnauthorized: false, ca: undefined });
  registry.clear();
  const { current } = await open({ clientCaFile: join(folder.path, "ca.crt") });
  expect(current).toMatchObject({ requestCert: true, rejectUnauthorized: true, ca: second?.cert });
});

describe("files that change", () => {
  it("are used, and told of, when the link to them is swapped", async () => {
    folder.swap(toFiles(first));
    const tls = await open();
    const seen: string[] = [];
    tls.onChange(({ cert }) => seen.push(cert));
    folder.swap(toFiles(second));
    await passUntil(() => seen.length > 0);
    expect(seen).toEqual([second?.cert]);
    expect(tls.current).toMatchObject({ ...second, minVersion: "TLSv1.2" });
    expect(await metric('outrider_tls_reloads_total{outcome="reloaded"}')).toBe(1);
  });

  it("are used soon where the folder tells of the change", async () => {
    folder.swap(toFiles(first));
    const tls = await open();
    folder.swap(toFiles(second));
    while (tls.current.cert === first?.cert && clock.elapsedMs() < 9_000) {
      clock.advance(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(tls.current.cert).toBe(second?.cert);
  });

  it("are used when the clients' authority is another", async () => {
    folder.swap({ ...toFiles(), "ca.crt": second?.cert ?? "" });
    const tls = await open({ clientCaFile: join(folder.path, "ca.crt") });
    folder.swap({ ...toFiles(), "ca.crt": third?.cert ?? "" });
    await passUntil(() => tls.current.ca === third?.cert);
  });

  it("and are wrong leave those before in use; each fault is told of and counted once", async () => {
    folder.swap(toFiles(first));
    const tls = await open();
    folder.swap({ ...toFiles(second), "tls.key": third?.key ?? "" });
    await passUntil(() => log.warn.mock.calls.length > 0);
    await passLooks();
    expect(tls.current.cert).toBe(first?.cert);
    expect(log.warn.mock.calls).toEqual([[expect.stringMatching(/stay in use: .*tls\.key is not the key of/)]]);
    expect(await metric('outrider_tls_reloads_total{outcome="failed"}')).toBe(1);
    folder.swap(toFiles(second));
    await passUntil(() => tls.current.cert === second?.cert);
    folder.swap({ "tls.crt": "", "tls.key": "" });
    await passUntil(() => log.warn.mock.calls.length > 1);
  });

  it("are no change where they hold the same", async () => {
    folder.swap(toFiles(first));
    const tls = await open();
    const told = vi.fn();
    tls.onChange(told);
    folder.swap(toFiles(first));
    await passLooks();
    expect(told).not.toHaveBeenCalled();
    expect(await metric('outrider_tls_reloads_total{outcome="reloaded"}')).toBe(0);
  });

  it("are left alone where reloading is off, and behind a close", async () => {
    folder.swap(toFiles(first));
    const still = await open({ reloads: false });
    registry.clear();
    const closed = await open();
    closed.close();
    folder.swap(toFiles(second));
    await passLooks();
    expect([still.current.cert, closed.current.cert]).toEqual([first?.cert, first?.cert]);
  });
});

it("tells when the certificate expires, and warns of one that has", async () => {
  const old = await createSelfSigned(Date.UTC(2010, 0, 1));
  folder.swap(toFiles(old));
  await open();
  expect(await metric("outrider_tls_certificate_expiry_seconds")).toBe(Date.UTC(2020, 0, 1) / 1000);
  expect(log.warn.mock.calls).toEqual([[expect.anything(), expect.stringMatching(/has expired/)]]);
});

it("warns where no suite of TLS 1.2 suits the key", async () => {
  folder.swap(toFiles());
  await open({ cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] });
  expect(log.warn.mock.calls).toEqual([[{ keyType: "ec" }, expect.stringMatching(/no suite of TLS 1\.2/)]]);
});

it("signs a certificate itself where there are no files", async () => {
  const { current } = await open({ certPath: undefined });
  expect(current.cert).toMatch(/^-----BEGIN CERTIFICATE-----/);
});
