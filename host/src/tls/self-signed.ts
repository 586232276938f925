import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { hostname } from "node:os";
import {
  derBitString,
  derInteger,
  derObjectId,
  derOctetString,
  derSequence,
  derSet,
  derText,
  derTime,
  derValue,
} from "./der.ts";
import { type TlsFiles, tlsFiles } from "./tls-files.ts";

const validYears = 10;
const serialBytes = 16;

const ecdsaWithSha256 = derSequence(derObjectId("1.2.840.10045.4.3.2"));
const commonName = derSequence(derSet(derSequence(derObjectId("2.5.4.3"), derText("outrider"))));
const subjectAltName = derObjectId("2.5.29.17");
/** Context tags of a certificate and of the names in it. */
const versionTag = 0xa0;
const extensionsTag = 0xa3;
const dnsTag = 0x82;
const addressTag = 0x87;
const version3 = derValue(versionTag, Buffer.from([2, 1, 2]));

/**
 * A new P-256 key and a certificate that it signs itself, for this host's name and loopback. Gateways that reach an EPP
 * without a certificate of its own do not verify it.
 * @param nowMs Unix ms; the certificate is valid from a day before, for clocks that are behind.
 */
export function createSelfSigned(nowMs: number): TlsFiles {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const content = certificateContent(publicKey, nowMs);
  const signature = derBitString(sign("sha256", content, privateKey));
  const certificate = derSequence(content, ecdsaWithSha256, signature);
  return tlsFiles(String(privateKey.export({ type: "pkcs8", format: "pem" })), toPem(certificate));
}

/** `TBSCertificate` of RFC 5280. */
function certificateContent(publicKey: KeyObject, nowMs: number): Buffer {
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + validYears);
  const validity = derSequence(derTime(new Date(nowMs - 86_400_000)), derTime(notAfter));
  const key = publicKey.export({ type: "spki", format: "der" });
  const names = derSequence(subjectAltName, derOctetString(altNames()));
  const extensions = derValue(extensionsTag, derSequence(names));
  return derSequence(version3, serialNumber(), ecdsaWithSha256, commonName, validity, commonName, key, extensions);
}

/** Random, positive and without padding, as its encoding demands. */
function serialNumber(): Buffer {
  const serial = randomBytes(serialBytes);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return derInteger(serial);
}

function altNames(): Buffer {
  const loopback6 = Buffer.alloc(16);
  loopback6[15] = 1;
  return derSequence(
    derValue(dnsTag, Buffer.from("localhost")),
    derValue(dnsTag, Buffer.from(hostname())),
    derValue(addressTag, Buffer.from([127, 0, 0, 1])),
    derValue(addressTag, loopback6),
  );
}

function toPem(certificate: Buffer): string {
  const lines = certificate.toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}
