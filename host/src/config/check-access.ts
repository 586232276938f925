import type { ProcessSpec, RemoteTls } from "../plugins/types.ts";
import { readAuthorities, readKeyPairOf } from "../tls/pem-files.ts";
import { type FaultPath, quote } from "./faults.ts";
import { findFile } from "./files.ts";
import type { Reporter } from "./reporter.ts";
import type { ProcessEntry } from "./schema.ts";

type Remote = Pick<Extract<ProcessSpec, { kind: "url" }>, "tokenFile" | "tls">;

/** Checks `sha256:` of a command; lower case. */
export function checkSha256(written: string | undefined, path: FaultPath, report: Reporter): string | undefined {
  if (written === undefined || /^[0-9a-f]{64}$/i.test(written)) return written?.toLowerCase();
  const hint = "write what sha256sum prints of the program's file";
  report.fault([...path, "sha256"], `must be 64 hexadecimal digits, is ${quote(written)}`, hint);
  return undefined;
}

/** Checks how a process at an address is to be convinced: `tokenFile:` and `tls:`. @param folder that paths start from. */
export async function checkAccess(
  { url = "", tokenFile, tls }: ProcessEntry,
  path: FaultPath,
  folder: string,
  report: Reporter,
): Promise<Remote> {
  const token = tokenFile === undefined ? undefined : findFile(tokenFile, folder, [...path, "tokenFile"], report);
  if (tls === undefined) return { tokenFile: token };
  const at = [...path, "tls"];
  if (!url.startsWith("https:")) report.fault(at, "means nothing without https", "write url: https://host:port", "key");
  return { tokenFile: token, tls: await checkTls(tls, at, folder, report) };
}

async function checkTls(
  { ca, cert, key, serverName }: NonNullable<ProcessEntry["tls"]>,
  path: FaultPath,
  folder: string,
  report: Reporter,
): Promise<RemoteTls> {
  const find = (written: string | undefined, field: string) =>
    written === undefined ? undefined : findFile(written, folder, [...path, field], report);
  const [caFile, certFile, keyFile] = [find(ca, "ca"), find(cert, "cert"), find(key, "key")];
  if ((cert === undefined) !== (key === undefined)) {
    const [there, other] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    report.fault([...path, there!], `stands without ${other}`, "a certificate and its key go together", "key");
  }
  if (caFile !== undefined) await usable(() => readAuthorities(caFile), [...path, "ca"], folder, report);
  if (certFile !== undefined && keyFile !== undefined) {
    await usable(() => readKeyPairOf(certFile, keyFile), [...path, "cert"], folder, report);
  }
  return { caFile, certFile, keyFile, serverName };
}

async function usable(read: () => Promise<unknown>, path: FaultPath, folder: string, report: Reporter): Promise<void> {
  await read().catch((cause: Error) => report.fault(path, cause.message.replaceAll(`${folder}/`, "")));
}
