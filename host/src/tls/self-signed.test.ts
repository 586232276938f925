import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { expect, it } from "vitest";
import { createSelfSigned } from "./self-signed.ts";

const nowMs = Date.UTC(2026, 10, 22, 12);

it("signs itself, for loopback, from a day before to ten years after", async () => {
  const certificate = new X509Certificate((await createSelfSigned(nowMs)).cert);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(certificate.checkHost("localhost")).toBe("localhost");
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkIP("::1")).toBe("::1");
  expect(certificate.validFromDate).toEqual(new Date("2026-11-21T12:00:00Z"));
  expect(certificate.validToDate).toEqual(new Date("2036-11-22T12:00:00Z"));
});

it("has another key and serial number each time", async () => {
  const files = await Promise.all([createSelfSigned(nowMs), createSelfSigned(nowMs)]);
  const [a, b] = files.map(({ cert }) => new X509Certificate(cert));
  expect(a?.serialNumber).not.toBe(b?.serialNumber);
  expect(a?.publicKey.equals(b?.publicKey as never)).toBe(false);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  it(`serves a client that trusts it and speaks ${version}`, async () => {
    const files = await createSelfSigned(Date.now());
    const server = createServer(files, (socket) => socket.end("served")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect({ host: "localhost", port, ca: files.cert, minVersion: version, maxVersion: version });
    const [text] = await once(client, "data");
    expect(String(text)).toBe("served");
    client.destroy();
    server.close();
  });
}
