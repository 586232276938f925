import { OutriderError } from "@outrider/core/contract";
import { rpcCodeOf } from "@outrider/transport";
import type { RemoteSpec } from "./remote-credentials.ts";

const untrusted: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_UNTRUSTED",
]);

/** Alerts by which a server says what it thinks of the host's certificate. */
const certificateAlert =
  /^ERR_SSL_\w+_ALERT_(CERTIFICATE_\w+|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

/** What is seen of a server that takes a certificate before it finds fault with it. */
const hangUps: ReadonlySet<string> = new Set(["", "ECONNRESET", "UND_ERR_SOCKET"]);

/** Why a plugin at an address cannot be spoken to, with what to write where in its entry of `processes:`. */
export function explainRemote(error: OutriderError, spec: RemoteSpec): OutriderError {
  const why = explain(error, spec);
  if (why === "") return error;
  return new OutriderError(error.code, `process ${spec.name} at ${spec.url}: ${why}`, { cause: error });
}

function explain(error: OutriderError, { tls, tokenFile }: RemoteSpec): string {
  const code = codeOf(error);
  if (rpcCodeOf(error) === "unauthenticated") return explainToken(tokenFile);
  if (code === "CERT_HAS_EXPIRED") return "its certificate has expired: renew it there";
  if (code === "CERT_NOT_YET_VALID") return "its certificate is not valid yet: set the clocks right";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `its certificate is for another name: write one of its names as tls.serverName (${rootMessage(error)})`;
  }
  if (untrusted.has(code)) {
    const remedy = tls?.caFile === undefined ? "name its authority as tls.ca" : `${tls.caFile} in tls.ca is not it`;
    return `its certificate is of an authority that is not trusted: ${remedy}`;
  }
  if (certificateAlert.test(code)) {
    return tls?.certFile === undefined
      ? "it wants a certificate of the host's: name one as tls.cert, with its key as tls.key"
      : `it does not accept the host's certificate, ${tls.certFile} in tls.cert: have one issued by an authority that it trusts`;
  }
  if (tls?.certFile !== undefined && hangUps.has(code) && error.code === "SCORER_UNAVAILABLE") {
    return `it closed the connection (${rootMessage(error)}): it may not accept the host's certificate, ${tls.certFile} in tls.cert`;
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return "it speaks no TLS: write url: http:// for unary calls, or h2c:// for a Session";
  }
  return "";
}

function explainToken(tokenFile: string | undefined): string {
  return tokenFile === undefined
    ? "it wants a token: write the file that holds it as tokenFile"
    : `it does not accept the token in ${tokenFile}, its tokenFile`;
}

/** Code of the error at the root. */
function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutriderError) continue;
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return "";
}

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}
