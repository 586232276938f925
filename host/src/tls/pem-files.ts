import { createPrivateKey, X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { OutriderError } from "@outrider/core";

/** Private key and certificate of a server, in PEM. */
export interface KeyPair {
  readonly key: string;
  /** Server certificate, then those that lead to its root. */
  readonly cert: string;
}

/** Largest file that is read: a bundle of all the authorities of the web has a quarter of it. */
const maxPemBytes = 1024 * 1024;

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads `tls.crt` and `tls.key` of a folder.
 * @throws {OutriderError} `CONFIG_INVALID` where one cannot be read, is not what it should be, or they do not belong
 *   together.
 */
export async function readKeyPair(folder: string): Promise<KeyPair> {
  return readKeyPairOf(join(folder, "tls.crt"), join(folder, "tls.key"));
}

/**
 * Reads a certificate and its key.
 * @throws {OutriderError} as {@link readKeyPair}.
 */
export async function readKeyPairOf(certPath: string, keyPath: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readPem(certPath), readPem(keyPath)]);
  const [certificate] = toCertificates(certPath, cert);
  const privateKey = convert(keyPath, "is no private key in PEM", () => createPrivateKey(key));
  if (certificate?.checkPrivateKey(privateKey)) return { key, cert };
  throw new OutriderError("CONFIG_INVALID", `${keyPath} is not the key of the certificate in ${certPath}`);
}

/**
 * Reads certificates of authorities.
 * @throws {OutriderError} `CONFIG_INVALID` where the file cannot be read or holds none.
 */
export async function readAuthorities(path: string): Promise<string> {
  const text = await readPem(path);
  toCertificates(path, text);
  return text;
}

/** The certificate that a server shows. @param cert as in {@link KeyPair}. */
export function leafOf(cert: string): X509Certificate {
  return new X509Certificate(cert);
}

/** All certificates of a file, at least one. */
function toCertificates(path: string, text: string): readonly X509Certificate[] {
  const blocks = text.match(certificateBlock) ?? [];
  if (blocks.length === 0) throw new OutriderError("CONFIG_INVALID", `${path} holds no certificate in PEM`);
  return blocks.map((block, i) =>
    convert(path, `holds a certificate that cannot be read, number ${i + 1}`, () => new X509Certificate(block)),
  );
}

function convert<Result>(path: string, fault: string, make: () => Result): Result {
  try {
    return make();
  } catch (cause) {
    throw new OutriderError("CONFIG_INVALID", `${path} ${fault}: ${messageOf(cause)}`, { cause });
  }
}

async function readPem(path: string): Promise<string> {
  const text = await readStart(path).catch((cause: unknown) => {
    throw new OutriderError("CONFIG_INVALID", `${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
  if (text.length <= maxPemBytes) return text;
  throw new OutriderError("CONFIG_INVALID", `${path} is larger than ${maxPemBytes} bytes`);
}

/** One byte more than is accepted, at most. */
async function readStart(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of file.createReadStream({ end: maxPemBytes, autoClose: false }))
      chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("latin1");
  } finally {
    await file.close();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
