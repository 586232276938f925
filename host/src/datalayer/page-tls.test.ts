import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Authority, createAuthority } from "../tls/testing/authority.ts";
import { createPageBuffers } from "./page-buffers.ts";
import { createPageConnections } from "./page-connection.ts";
import { readPageTls } from "./read-page-tls.ts";
import type { ScrapeFault } from "./scrape-fault.ts";
import { defaultMetricsPage, type PageSettings } from "./settings.ts";

let folder: string;
let authority: Authority;
let file: (name: string) => string;
const open: (() => void)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "outrider-page-tls-"));
  file = (name) => join(folder, name);
  authority = await createAuthority("pool");
  const { key, cert } = await authority.issue("host");
  const files = { "ca.pem": authority.cert, "host.pem": cert, "host.key": key, "none.pem": "no certificate" };
  for (const [name, text] of Object.entries(files)) writeFileSync(file(name), text);
  const other = await createAuthority("other");
  writeFileSync(file("other.pem"), other.cert);
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const https = (more: Partial<PageSettings> = {}): PageSettings => ({ ...defaultMetricsPage, scheme: "https", ...more });

/** One page, or why there is none. */
async function fetchOnce(address: string, settings: PageSettings): Promise<string | ScrapeFault> {
  const { tls } = await readPageTls(settings);
  const buffers = createPageBuffers();
  const { path, port } = settings;
  const connect = createPageConnections({ path, port, tls, maxPageBytes: 1_000_000, buffers });
  return new Promise((resolve) => {
    const connection = connect(address, { onPage: (page) => resolve(page.toString()), onFault: resolve });
    open.push(() => connection.close());
    connection.fetch();
  });
}

async function serve(more: ServerOptions = {}, ip = "127.0.0.1"): Promise<string> {
  const { key, cert } = await authority.issue("server", { ip });
  return listen(createServer({ key, cert, ...more }, (request, response) => response.end(`${request.url}\n`)));
}

async function listen(server: Server): Promise<string> {
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    open.push(() => socket.destroy());
  });
  open.push(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a page over TLS that cannot be had", () => {
  const cases = [
    { title: "whose authority is not the one named", settings: { insecureSkipVerify: false, caCertPath: "other.pem" } },
    { title: "whose authority the system does not know", settings: { insecureSkipVerify: false } },
  ];
  for (const { title, settings } of cases) {
    it(`is one of a server ${title}`, async () => {
      const { caCertPath = "" } = settings as Partial<PageSettings>;
      const page = https({ ...settings, caCertPath: caCertPath && file(caCertPath) });
      expect(await fetchOnce(await serve(), page)).toMatchObject({ reason: "tls" });
    });
  }

  it("is one of a server with another's certificate", async () => {
    const page = https({ insecureSkipVerify: false, caCertPath: file("ca.pem") });
    const fault = await fetchOnce(await serve({}, "10.0.0.1"), page);
    expect(fault).toEqual({ reason: "tls", detail: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("is one of a server that asks for a certificate nobody gave", async () => {
    const address = await serve({ requestCert: true, rejectUnauthorized: true, ca: authority.cert });
    expect(await fetchOnce(address, https())).toMatchObject({ reason: expect.stringMatching(/^(tls|reset)$/) });
  });

  it("is one of a server that speaks plaintext", async () => {
    const address = await listen(
      createTcpServer((socket) => socket.on("data", () => socket.end("HTTP/1.1 400\r\n\r\n"))),
    );
    expect(await fetchOnce(address, https())).toMatchObject({ reason: "tls" });
  });

  it("is one of a server that is not there", async () => {
    const address = await listen(createTcpServer());
    open.pop()!();
    expect(await fetchOnce(address, https())).toMatchObject({ reason: "refused" });
  });
});

describe("the certificates of a page", () => {
  const faults = [
    { title: "an authority that is no certificate", settings: { caCertPath: "none.pem" }, named: "none.pem" },
    { title: "an authority that is not there", settings: { caCertPath: "gone.pem" }, named: "gone.pem" },
    {
      title: "a key of another",
      settings: { clientCertPath: "other.pem", clientKeyPath: "host.key" },
      named: "host.key",
    },
  ];
  for (const { title, settings, named } of faults) {
    it(`are refused before anything is fetched: ${title}`, async () => {
      const given = Object.fromEntries(Object.entries(settings).map(([name, path]) => [name, file(path)]));
      await expect(readPageTls(https({ insecureSkipVerify: false, ...given }))).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        message: expect.stringContaining(named),
      });
    });
  }

  it("are told apart by what is in them", async () => {
    const settings = https({ insecureSkipVerify: false, caCertPath: file("ca.pem") });
    const before = await readPageTls(settings);
    expect((await readPageTls(settings)).fingerprint).toBe(before.fingerprint);
    const { fingerprint } = await readPageTls({ ...settings, caCertPath: file("other.pem") });
    expect(fingerprint).not.toBe(before.fingerprint);
  });
});

describe("a page over TLS", () => {
  const cases = [
    { title: "of a server whose authority is named", settings: { insecureSkipVerify: false, caCertPath: "ca.pem" } },
    { title: "of any server where nothing is verified", settings: {} },
  ];
  for (const { title, settings } of cases) {
    it(`comes ${title}`, async () => {
      const { caCertPath = "" } = settings as Partial<PageSettings>;
      const page = https({ ...settings, caCertPath: caCertPath && file(caCertPath) });
      expect(await fetchOnce(await serve(), page)).toBe("/metrics\n");
    });
  }

  it("comes of a server that asks for the host's certificate", async () => {
    const address = await serve({ requestCert: true, rejectUnauthorized: true, ca: authority.cert });
    const page = https({ clientCertPath: file("host.pem"), clientKeyPath: file("host.key") });
    expect(await fetchOnce(address, page)).toBe("/metrics\n");
  });

  it("comes from the port that is named in the place of the endpoint's", async () => {
    const [host, port] = (await serve()).split(":");
    expect(await fetchOnce(`${host}:1`, https({ port: Number(port), path: "/stats" }))).toBe("/stats\n");
  });
});
