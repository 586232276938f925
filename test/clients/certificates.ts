import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";

/** A private key with its certificate, PEM each. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** An authority that signs certificates. */
export interface Authority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  /** A new key with a certificate for a DNS name. */
  issue(dnsName: string): Promise<KeyPair>;
}

const curve = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hourMs = 3_600_000;

/** An authority that signs itself; its certificates are valid for an hour. */
export async function createAuthority(name: string): Promise<Authority> {
  const own = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const common = () => ({
    serialNumber: `01${randomBytes(8).toString("hex")}`,
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + hourMs),
    signingAlgorithm: curve,
  });
  const isAuthority = [new BasicConstraintsExtension(true, undefined, true)];
  const root = await X509CertificateGenerator.createSelfSigned({
    ...common(),
    name: `CN=${name}`,
    keys: own,
    extensions: isAuthority,
  });
  return {
    cert: root.toString("pem"),
    async issue(dnsName) {
      const keys = await crypto.subtle.generateKey(curve, true, ["sign", "verify"]);
      const certificate = await X509CertificateGenerator.create({
        ...common(),
        subject: `CN=${dnsName}`,
        issuer: root.subject,
        publicKey: keys.publicKey,
        signingKey: own.privateKey,
        extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: dnsName }])],
      });
      const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
      const pem = `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`;
      return { key: pem, cert: certificate.toString("pem") };
    },
  };
}
