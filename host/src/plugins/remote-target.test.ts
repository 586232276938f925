import { createServer as createHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KeyPair } from "../tls/pem-files.ts";
import { createSelfSigned } from "../tls/self-signed.ts";
import { toLinkTarget } from "./remote-target.ts";

describe("the address of a remote plugin", () => {
  const wrong = ["", "127.0.0.1:9910", "ftp://127.0.0.1:1", "http://", "h2c:", "unix"];
  for (const url of wrong) {
    it(`is refused where it is "${url}"`, async () => {
      await expect(toLinkTarget(url, 100)).rejects.toMatchObject({ code: "PLUGIN_REJECTED" });
    });
  }

  const plain = [
    { url: "unix:/run/a.sock", want: { kind: "session", target: { kind: "socket", path: "/run/a.sock" } } },
    { url: "unix:///run/a.sock", want: { kind: "session", target: { kind: "socket", path: "/run/a.sock" } } },
    { url: "h2c://h:1", want: { kind: "session", target: { kind: "url", url: "h2c://h:1" } } },
    { url: "http://h:1", want: { kind: "unary", target: { kind: "url", url: "http://h:1" } } },
  ];
  for (const { url, want } of plain) {
    it(`${url} is a ${want.kind} address`, async () => expect(await toLinkTarget(url, 100)).toEqual(want));
  }
});

describe("https://", () => {
  let files: KeyPair;
  const trusted = getCACertificates("default");
  beforeAll(async () => {
    files = await createSelfSigned(Date.now());
    setDefaultCACertificates([...trusted, String(files.cert)]);
  });
  afterAll(() => setDefaultCACertificates(trusted));

  async function probe(server: Server): Promise<unknown> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return toLinkTarget(`https://localhost:${port}`, 2000).finally(() => server.close());
  }

  it("is a Session where the server speaks HTTP/2", async () => {
    expect(await probe(createSecureServer({ ...files, allowHTTP1: true }))).toMatchObject({ kind: "session" });
  });

  it("is unary where it does not", async () => {
    expect(await probe(createHttpsServer(files))).toMatchObject({ kind: "unary" });
  });

  it("is not reached where the server speaks no TLS, or nobody listens", async () => {
    await expect(probe(createHttp2Server())).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
    await expect(toLinkTarget("https://127.0.0.1:1", 500)).rejects.toMatchObject({ code: "SCORER_UNAVAILABLE" });
  });

  it("is not reached where the certificate is not trusted", async () => {
    const other = await createSelfSigned(Date.now());
    await expect(probe(createHttpsServer(other))).rejects.toThrow(/self-signed certificate/);
  });
});
