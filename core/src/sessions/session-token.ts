/** Longest token that is read, in characters: longer than that of any endpoint's id. */
const maxTokenLength = 4096;

/** Token that names an endpoint: its id, such as `default/vllm-0-rank-0`, in base64 of the standard alphabet. */
export function encodeSessionToken(id: string): string {
  return Buffer.from(id).toString("base64");
}

/**
 * Id of the endpoint that a token names; `undefined` where it is none as they are made here. Anybody can make one: what
 * it says is a wish, to be heeded where the endpoint is a candidate.
 */
export function decodeSessionToken(token: string): string | undefined {
  if (token === "" || token.length > maxTokenLength) return undefined;
  const id = Buffer.from(token, "base64").toString();
  return id !== "" && encodeSessionToken(id) === token ? id : undefined;
}
