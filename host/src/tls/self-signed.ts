import { hostname } from "node:os";
import type { KeyPair } from "./pem-files.ts";

const validYears = 10;
const dayMs = 86_400_000;
const curve = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/**
 * A new P-256 key and a certificate that it signs itself, for this host's name and loopback. Gateways that reach an EPP
 * without a certificate of its own do not verify it. The library is only loaded here: most hosts are given files, or
 * speak plaintext.
 * @param nowMs Unix ms; the certificate is valid from a day before, for clocks that are behind.
 */
export async function createSelfSigned(nowMs: number): Promise<KeyPair> {
  await import("reflect-metadata"); // what the library's own dependency injection wants to be there
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import("@peculiar/x509");
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=outrider",
    notBefore: new Date(nowMs - dayMs),
    notAfter,
    keys,
    signingAlgorithm: curve,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "dns", value: hostname() },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString("pem"),
  };
}
