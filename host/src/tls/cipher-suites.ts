/** Suites of TLS 1.2 by their names in Go, with OpenSSL's; those without forward secrecy are not among them. */
const suites12: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
};

/** Suites of TLS 1.3, which have the same names everywhere; in the order in which Node offers them. */
const suites13 = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];

/** Names of all suites that can be chosen, as Go has them. */
export const cipherSuiteNames: readonly string[] = [...suites13, ...Object.keys(suites12)];

/** What is wrong with a choice of suites, in words; `undefined` = nothing. */
export function checkCipherSuites(names: readonly string[], minVersion: "TLSv1.2" | "TLSv1.3"): string | undefined {
  const unknown = names.filter((name) => !cipherSuiteNames.includes(name));
  if (unknown.length > 0) return `names ${unknown.join(", ")}, which is not among ${cipherSuiteNames.join(", ")}`;
  if (names.length > 0 && minVersion === "TLSv1.2" && names.every((name) => suites13.includes(name))) {
    return "names suites of TLS 1.3 alone, with which nobody can speak TLS 1.2, as Envoy does unless told otherwise";
  }
  return undefined;
}

/**
 * The suites in the form that Node takes; `undefined` = Node's own.
 * @param names as Go has them, all known. Where none is of TLS 1.3, its suites stay as they are: in Go they cannot be
 *   chosen.
 */
export function toCiphers(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const chosen13 = names.filter((name) => suites13.includes(name));
  const chosen12 = names.flatMap((name) => suites12[name] ?? []);
  return [...(chosen13.length === 0 ? suites13 : chosen13), ...new Set(chosen12)].join(":");
}

/** Whether a certificate with such a key can be served by a suite of TLS 1.2 among those chosen; none chosen = Node's. */
export function suitsKey(names: readonly string[], keyType: string | undefined): boolean {
  const chosen12 = names.flatMap((name) => suites12[name] ?? []);
  const needed = keyType === "ec" ? "-ECDSA-" : "-RSA-";
  return chosen12.length === 0 || chosen12.some((suite) => suite.includes(needed));
}
