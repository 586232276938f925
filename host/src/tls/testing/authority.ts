import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";
import type { KeyPair } from "../pem-files.ts";

/** An authority of certificates, for tests. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  /** A new key with a certificate of this authority, for `localhost` unless said otherwise. */
  issue(commonName: string, options?: IssueOptions): Promise<KeyPair>;
}

/** What a certificate may differ in. */
export interface IssueOptions {
  /** Name that it is for; default `localhost`. */
  readonly dnsName?: string;
  /** Address that it is for, in the place of a name. */
  readonly ip?: string;
  /** Until when it is valid, Unix ms; default an hour from now. */
  readonly untilMs?: number;
}

const curve = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** An authority that signs itself; its certificates are valid for an hour. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const own = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const times = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 3_600_000) };
  const serial = () => ({ serialNumber: `01${randomBytes(8).toString("hex")}`, ...times, signingAlgorithm: curve });
  const root = await X509CertificateGenerator.createSelfSigned({
    ...serial(),
    name: `CN=${commonName}`,
    keys: own,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: root.toString("pem"),
    async issue(subject, { dnsName = "localhost", ip, untilMs } = {}) {
      const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
      const certificate = await X509CertificateGenerator.create({
        ...serial(),
        ...(untilMs === undefined ? {} : { notAfter: new Date(untilMs) }),
        subject: `CN=${subject}`,
        issuer: root.subject,
        publicKey: keys.publicKey,
        signingKey: own.privateKey,
        extensions: [
          new SubjectAlternativeNameExtension([ip ? { type: "ip", value: ip } : { type: "dns", value: dnsName }]),
        ],
      });
      const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
      const pem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
      return { key: pem, cert: certificate.toString("pem") };
    },
  };
}
